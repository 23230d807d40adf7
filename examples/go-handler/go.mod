module example.com/go-handler

go 1.26
