#!/bin/sh
file /bin/* | less
