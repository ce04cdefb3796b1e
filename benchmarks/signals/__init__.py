"""Series whose anomalies are known, detectors and scores; anomalies.py runs them."""
