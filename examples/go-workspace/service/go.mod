module example.com/service

go 1.26

require example.com/greeting v0.0.0
