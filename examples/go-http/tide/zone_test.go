package tide

import "testing"

func TestHarboursHaveZones(t *testing.T) {
	if zone := Zone("hamburg"); zone != "Europe/Berlin" {
		t.Error(zone)
	}
}
