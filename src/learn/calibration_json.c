/*-------------------------------------------------------------------------
 *
 * calibration_json.c
 *	  A calibration as canonical JSON, and back.
 *
 * The text has one fixed form, without any freedom of order, spacing or
 * number format:
 *
 *		{"format":"aipipe-calibration","format_version":1,"method":"platt",
 *		 "nclasses":3,"curves":[{"slope":1.5,"intercept":-0.25},null,…]}
 *		 … "method":"isotonic" … [{"x":[0.25,0.5],"y":[0,1]},null,…]}
 *
 * (on one line).  A null curve leaves the probability as it is.  What is read
 * must be well formed, mean a calibration, and be written back to the same bytes;
 * anything else is corrupted.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "common/shortest_dec.h"

#include "compat/compat.h"
#include "learn/calibration_private.h"

#define TEXT_HEAD "{\"format\":\"aipipe-calibration\",\"format_version\":1,\"method\":\""
#define TEXT_NCLASSES "\",\"nclasses\":"
#define TEXT_CURVES ",\"curves\":["
#define TEXT_SLOPE "{\"slope\":"
#define TEXT_INTERCEPT ",\"intercept\":"
#define TEXT_X "{\"x\":["
#define TEXT_Y "],\"y\":["
#define TEXT_Y_END "]}"
#define TEXT_TAIL "]}"
#define TEXT_IDENTITY "null"

/* Appends a double in the shortest form that reads back to it. */
static void
write_double(StringInfo out, double value)
{
	char		number[DOUBLE_SHORTEST_DECIMAL_LEN];

	double_to_shortest_decimal_buf(value, number);
	appendStringInfoString(out, number);
}

/* Appends the corners of an isotonic curve. */
static void
write_corners(const CalibrationCurve *curve, StringInfo out)
{
	appendStringInfoString(out, TEXT_X);
	for (int i = 0; i < curve->npoints; i++)
	{
		char		number[FLOAT_SHORTEST_DECIMAL_LEN];

		float_to_shortest_decimal_buf(curve->x[i], number);
		appendStringInfo(out, "%s%s", i > 0 ? "," : "", number);
	}
	appendStringInfoString(out, TEXT_Y);
	for (int i = 0; i < curve->npoints; i++)
	{
		if (i > 0)
			appendStringInfoChar(out, ',');
		write_double(out, curve->y[i]);
	}
	appendStringInfoString(out, TEXT_Y_END);
}

/* Appends the calibration's canonical JSON. */
void
calibration_write(const Calibration *calibration, StringInfo out)
{
	appendStringInfo(out, "%s%s%s%d%s", TEXT_HEAD, calibration_method_name(calibration->method),
					 TEXT_NCLASSES, calibration->nclasses, TEXT_CURVES);
	for (int c = 0; c < calibration->ncurves; c++)
	{
		const CalibrationCurve *curve = &calibration->curves[c];

		if (c > 0)
			appendStringInfoChar(out, ',');
		if (curve->identity)
			appendStringInfoString(out, TEXT_IDENTITY);
		else if (calibration->method == CALIBRATION_ISOTONIC)
			write_corners(curve, out);
		else
		{
			appendStringInfoString(out, TEXT_SLOPE);
			write_double(out, curve->slope);
			appendStringInfoString(out, TEXT_INTERCEPT);
			write_double(out, curve->intercept);
			appendStringInfoChar(out, '}');
		}
	}
	appendStringInfoString(out, TEXT_TAIL);
}

/* Raises the error for a text that is no calibration of ours. */
static void pg_attribute_noreturn()
calibration_error(const char *why)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg("calibration is corrupted"),
			 errdetail_internal("%s", why)));
}

/* Steps over a text if it comes next. */
static bool
take(const char **at, const char *text)
{
	Size		len = strlen(text);

	if (strncmp(*at, text, len) != 0)
		return false;
	*at += len;
	return true;
}

/* Steps over a text that must come next. */
static void
expect(const char **at, const char *text)
{
	if (!take(at, text))
		calibration_error("Its text is not in the fixed form.");
}

/* Reads the number that must come next; strtod() alone would also take "inf", "0x1" and spaces. */
static double
read_double(const char **at)
{
	char	   *end;
	double		value;

	if (strchr("-0123456789", **at) == NULL || **at == '\0')
		calibration_error("A number is missing.");
	value = strtod(*at, &end);
	if (!isfinite(value))
		calibration_error("A number is out of range.");
	*at = end;
	return value;
}

/* Reads a logistic curve. */
static void
read_logistic(const char **at, CalibrationCurve *curve)
{
	expect(at, TEXT_SLOPE);
	curve->slope = read_double(at);
	expect(at, TEXT_INTERCEPT);
	curve->intercept = read_double(at);
	expect(at, "}");
	if (!(curve->slope > 0))
		calibration_error("A slope is not positive.");
}

/* Gives how many numbers the list that begins here has, to allocate once: no more than it has bytes. */
static int
count_numbers(const char *at)
{
	int			n = 1;

	for (; *at != '\0' && *at != ']'; at++)
		n += (*at == ',');
	return n;
}

/* Reads the corners of an isotonic curve. */
static void
read_corners(const char **at, CalibrationCurve *curve)
{
	expect(at, TEXT_X);
	curve->npoints = count_numbers(*at);
	curve->x = palloc(mul_size(curve->npoints, sizeof(float)));
	curve->y = palloc(mul_size(curve->npoints, sizeof(double)));
	for (int i = 0; i < curve->npoints; i++)
	{
		if (i > 0)
			expect(at, ",");
		curve->x[i] = (float) read_double(at);
		if (!(curve->x[i] >= 0 && curve->x[i] <= 1) || (i > 0 && !(curve->x[i] > curve->x[i - 1])))
			calibration_error("The corners of a curve do not ascend from 0 to 1.");
	}
	expect(at, TEXT_Y);
	for (int i = 0; i < curve->npoints; i++)
	{
		if (i > 0)
			expect(at, ",");
		curve->y[i] = read_double(at);
		if (!(curve->y[i] >= 0 && curve->y[i] <= 1) || (i > 0 && !(curve->y[i] >= curve->y[i - 1])))
			calibration_error("A curve falls, or leaves 0 to 1.");
	}
	expect(at, TEXT_Y_END);
}

/* Reads method and number of classes and gives a calibration with empty curves. */
static Calibration *
read_head(const char **at, Size len)
{
	CalibrationMethod method = CALIBRATION_PLATT;
	double		nclasses;

	expect(at, TEXT_HEAD);
	if (take(at, calibration_method_name(CALIBRATION_ISOTONIC)))
		method = CALIBRATION_ISOTONIC;
	else
		expect(at, calibration_method_name(CALIBRATION_PLATT));
	expect(at, TEXT_NCLASSES);
	nclasses = read_double(at);
	if (!(nclasses >= 2 && nclasses <= CALIBRATION_MAX_CLASSES) || nclasses != rint(nclasses) || nclasses > len)
		calibration_error("Its number of classes is impossible.");
	return calibration_make(method, (int) nclasses);
}

/* Reads what calibration_write() wrote; anything else is an error. */
Calibration *
calibration_read(const char *json)
{
	const char *at = json;
	Calibration *calibration = read_head(&at, strlen(json));
	StringInfoData again;

	expect(&at, TEXT_CURVES);
	for (int c = 0; c < calibration->ncurves; c++)
	{
		CalibrationCurve *curve = &calibration->curves[c];

		if (c > 0)
			expect(&at, ",");
		if (calibration->ncurves > 1 && take(&at, TEXT_IDENTITY))
			curve->identity = true;
		else if (calibration->method == CALIBRATION_ISOTONIC)
			read_corners(&at, curve);
		else
			read_logistic(&at, curve);
	}
	expect(&at, TEXT_TAIL);
	initStringInfo(&again);
	calibration_write(calibration, &again);
	if (*at != '\0' || strcmp(again.data, json) != 0)
		calibration_error("Its text is not in the fixed form.");
	pfree(again.data);
	return calibration;
}
