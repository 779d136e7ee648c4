"""`quire`: the command line. A client of the REST API, and of model servers; it never opens the database."""
