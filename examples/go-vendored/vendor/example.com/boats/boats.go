// Package boats knows boats. It is nowhere but here: a build that asked the network for it would fail.
package boats

// Seats answers how many people a boat carries.
func Seats(name string) int {
	return map[string]int{"coracle": 1, "dinghy": 4}[name]
}
