FROM scratch
COPY a.txt other /
