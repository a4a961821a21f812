package mysql

// Gathering returns how many calls wait for the batch that is at the database.
func Gathering(s *Store) int {
	return s.handovers.gathering() + s.sent.gathering() + s.rereads.gathering()
}

func (g *group[T]) gathering() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.waiting)
}

// ClaimUpdate is the statement of a claim.
const ClaimUpdate = claimUpdate

// A Group is a group of ints, and a Semaphore its semaphore.
type (
	Group     = group[int]
	Semaphore = semaphore
)

// Join is what the store does with its groups.
func Join(g *Group, sem Semaphore, n int, do func(batch []int) error) error {
	return g.join(sem, n, do)
}

// Waiting returns how many calls wait in g.
func Waiting(g *Group) int { return g.gathering() }

// SetDue and Decode read what a library's database holds.
var (
	SetDue = setDue
	Decode = decode
)
