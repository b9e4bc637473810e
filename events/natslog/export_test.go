package natslog

// Kill stops the embedded server and leaves the connection to find it gone.
func (s *Server) Kill() {
	s.mu.Lock()
	defer s.mu.Unlock()
	stop(s.running)
}
