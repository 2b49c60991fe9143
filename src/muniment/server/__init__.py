"""The server: FastAPI over the services. A face only translates: parse, call a service, render."""
