package reminder

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// TestPlaces: changes of a library's server, and copies on other servers.
func TestPlaces(t *testing.T) {
	laptop := Place{"", "perpus-pc", "perpustakaan"} // MariaDB 10.4 tells no id
	mysql := Place{"a71f-1", "perpus-pc", "perpustakaan"}
	container := Place{"a71f-1", "", "perpustakaan"}
	for name, x := range map[string]struct {
		here, known Place
		may         bool
	}{
		"the same":                                   {laptop, laptop, true},
		"the computer was renamed":                   {Place{"a71f-1", "perpus-baru", "perpustakaan"}, mysql, true},
		"a failover that keeps the data":             {Place{"a71f-1", "node-2", "perpustakaan"}, mysql, true},
		"MySQL was installed anew":                   {Place{"b", "perpus-pc", "perpustakaan"}, mysql, true},
		"MariaDB learnt to tell an id":               {Place{"kYgs=", "perpus-pc", "perpustakaan"}, laptop, true},
		"a container was made anew":                  {container, container, true},
		"a container of a server that tells no id":   {Place{"", "", "perpustakaan"}, Place{"", "", "perpustakaan"}, true},
		"a node of a cluster":                        {Place{"", "", "perpustakaan"}, laptop, true},
		"a dump on the developer's computer":         {Place{"", "dev", "perpustakaan"}, laptop, false},
		"a dump on the developer's, which has an id": {Place{"b", "dev", "perpustakaan"}, laptop, false},
		"a dump in the developer's container":        {Place{"b", "", "perpustakaan"}, mysql, false},
		"a dump beside the original":                 {Place{"a71f-1", "perpus-pc", "coba"}, mysql, false},
		"a replica that was made the first":          {Place{"b", "node-2", "perpustakaan"}, mysql, false},
	} {
		assert.Equal(t, x.may, x.here.mayBe(x.known), name)
	}
}
