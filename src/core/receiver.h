/*
 * receiver.h
 *	  A destination for rows of which only the rows matter.
 */
#ifndef CORE_RECEIVER_H
#define CORE_RECEIVER_H

#include "tcop/dest.h"

/* Takes one row; false ends the execution early. */
typedef bool (*ReceiveRow) (TupleTableSlot *slot, DestReceiver *self);

/* Makes the first member of somebody's struct a receiver that gives it each row, and has nothing to prepare or to end. */
extern void receiver_init(DestReceiver *receiver, ReceiveRow take);

#endif							/* CORE_RECEIVER_H */
