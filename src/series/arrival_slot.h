/*
 * arrival_slot.h
 *	  The parts of a day in which a series expects a batch, and how often it comes.
 */
#ifndef SERIES_ARRIVAL_SLOT_H
#define SERIES_ARRIVAL_SLOT_H

#include "series/arrival.h"

/* Fills the series' batches a day of each weekday. */
extern void arrival_day_rates(const Arrival *arrivals, const double *offset, const double *weight, int n,
							  const ArrivalSettings *settings, ArrivalSeries *series);

/* Gives the slots of a series that is fitted otherwise, and their number in the series. */
extern ArrivalSlot *arrival_find_slots(const ArrivalSettings *settings, const Arrival *arrivals, int n,
									   ArrivalSeries *series);

#endif							/* SERIES_ARRIVAL_SLOT_H */
