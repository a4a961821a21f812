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
