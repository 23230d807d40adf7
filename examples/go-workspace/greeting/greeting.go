// Package greeting greets in a way that is embedded in the program.
package greeting

import (
	_ "embed"
	"strings"
)

//go:embed greeting.txt
var text string

// Of answers a greeting.
func Of(name string) string {
	return strings.ReplaceAll(text, "NAME", name)
}
