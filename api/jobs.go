package api

func (s *server) jobsRoutes() {}
