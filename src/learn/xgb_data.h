/*
 * xgb_data.h
 *	  From our matrix to the library's.  Private to xgb.c and xgb_data.c.
 */
#ifndef LEARN_XGB_DATA_H
#define LEARN_XGB_DATA_H

#include "learn/xgb.h"
#include "learn/xgb_library.h"

/* Writes the library's description of floats in memory: rows of ncols, or one array when ncols is 0. */
extern void xgb_array_interface(char *out, size_t size, const float *data, int64 nrows, int ncols);

/* Builds the binned matrix of the training rows, batch by batch, in the current memory context. */
extern XgbHandle *xgb_data_binned(const XgbTraining *training);

/* Builds a plain matrix in the current memory context. */
extern XgbHandle *xgb_data_plain(const XgbTraining *training, const XgbData *data);

#endif							/* LEARN_XGB_DATA_H */
