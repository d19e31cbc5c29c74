"""Who is told what the line says: a broker (MQTT) and a web server (webhook)."""
