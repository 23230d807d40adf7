module watchdog

go 1.21
