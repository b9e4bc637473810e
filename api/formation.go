package api

func (s *server) formationRoutes() {}
