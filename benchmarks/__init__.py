"""What makes the performance figures of docs/performance.md; each is one command."""
