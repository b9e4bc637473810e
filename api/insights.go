package api

func (s *server) insightsRoutes() {}
