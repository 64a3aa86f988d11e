"""What an operator looks at: metrics, dashboard, alarms, saved queries."""
