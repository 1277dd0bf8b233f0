"""What Prometheus, Alertmanager and Grafana need to watch a platform, made from the table of metrics and what is promised."""
