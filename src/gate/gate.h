/*
 * gate.h
 *	  What a gate is, and how the gate room's files call each other.
 */
#ifndef GATE_GATE_H
#define GATE_GATE_H

/* Registers transaction callbacks; called from _PG_init. */
extern void gate_init(void);

#endif							/* GATE_GATE_H */
