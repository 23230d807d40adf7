module example.com/go-vendored

go 1.26

require example.com/boats v1.2.0
