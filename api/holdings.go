package api

func (s *server) holdingsRoutes() {}
