package api

func (s *server) matchingRoutes() {}
