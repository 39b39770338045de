/*
 * label.h
 *	  How late labels, which are kept as text, are read.
 */
#ifndef MODEL_LABEL_H
#define MODEL_LABEL_H

/* A label of a regression or ranking as a finite number; false when it is none. */
extern bool label_number(const char *label, double *number);

/* A label of a detector: was it an anomaly?  False when it says neither yes nor no. */
extern bool label_truth(const char *label, bool *truth);

#endif							/* MODEL_LABEL_H */
