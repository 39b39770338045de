/*-------------------------------------------------------------------------
 *
 * receiver.c
 *	  A destination for rows of which only the rows matter.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "core/receiver.h"

/* Has nothing to prepare. */
static void
receive_startup(DestReceiver *self, int operation, TupleDesc desc)
{
}

/* Has nothing to end. */
static void
receive_nothing(DestReceiver *self)
{
}

/* Makes a receiver that gives each row to a function. */
void
receiver_init(DestReceiver *receiver, ReceiveRow take)
{
	receiver->receiveSlot = take;
	receiver->rStartup = receive_startup;
	receiver->rShutdown = receive_nothing;
	receiver->rDestroy = receive_nothing;
	receiver->mydest = DestNone;
}
