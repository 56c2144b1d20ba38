/* Appended to arch/um/kernel/time.c. */
#ifndef CONFIG_UML_TIME_TRAVEL_SUPPORT
/* The default counts jiffies: the log's stamps, PSI and CPU accounting would go in steps of 10 ms. */
notrace unsigned long long sched_clock(void);
notrace unsigned long long sched_clock(void)
{
	static unsigned long long start;
	unsigned long long now = os_nsecs();

	if (!start)
		start = now;
	return now - start;
}
#endif
