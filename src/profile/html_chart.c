/*-------------------------------------------------------------------------
 *
 * html_chart.c
 *	  Histograms and bars of a page.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "profile/html.h"
#include "profile/query.h"

#define HTML_BINS 30
#define HTML_WIDTH 320
#define HTML_HEIGHT 90
#define HTML_BARS 10

/* Appends a number of the histogram's axis. */
static void
put_number(StringInfo out, const Sketch *sketch, double number)
{
	char	   *text = value_kind_is_numeric(sketch->kind) ? sketch_number_text(sketch, number) : psprintf("%.0f", number);

	html_text(out, text, strlen(text));
	pfree(text);
}

/* Appends one bar of a histogram, with what it stands for as its title. */
static void
put_bin(StringInfo out, const Sketch *sketch, const SketchBin *bin, int i, int nbins, double greatest, double total)
{
	double		width = (double) HTML_WIDTH / nbins;
	double		height = HTML_HEIGHT * bin->count / greatest;

	if (bin->count <= 0)
		return;
	height = Max(height, 1);
	appendStringInfo(out, "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"><title>", i * width, HTML_HEIGHT - height,
					 Max(width - 1, 1), height);
	put_number(out, sketch, bin->low);
	appendStringInfoString(out, " &#8211; ");
	put_number(out, sketch, bin->high);
	appendStringInfo(out, ": %.2f %%</title></rect>", 100 * bin->count / total);
}

/* Appends a histogram as an image, with the ends of its axis below. */
void
html_histogram(StringInfo out, const Sketch *sketch)
{
	SketchBin  *bins;
	int			nbins = sketch_histogram(sketch, HTML_BINS, &bins);
	double		greatest = 0;
	double		total = 0;

	if (nbins == 0)
		return;
	for (int i = 0; i < nbins; i++)
	{
		greatest = Max(greatest, bins[i].count);
		total += bins[i].count;
	}
	if (greatest <= 0)
		return;
	appendStringInfo(out, "<figure><svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"histogram\" preserveAspectRatio=\"none\">",
					 HTML_WIDTH, HTML_HEIGHT);
	for (int i = 0; i < nbins; i++)
		put_bin(out, sketch, &bins[i], i, nbins, greatest, total);
	appendStringInfo(out, "</svg><figcaption><span>");
	put_number(out, sketch, bins[0].low);
	appendStringInfo(out, "</span><span>%s</span><span>", value_kind_is_numeric(sketch->kind) ? "" : "characters");
	put_number(out, sketch, bins[nbins - 1].high);
	appendStringInfoString(out, "</span></figcaption></figure>\n");
}

/* Appends a table of frequent items with a bar each. */
void
html_frequent(StringInfo out, const Sketch *sketch, const Frequent *frequent, const char *caption)
{
	double		total = sketch->count - sketch->nulls;
	FrequentItem *items;
	int			n;

	if (frequent == NULL || total <= 0)
		return;
	n = Min(frequent_items(frequent, &items), HTML_BARS);
	/* of values that come once each there is nothing to see */
	if (n == 0 || (items[0].count <= 1 && total > HTML_BARS))
		return;
	appendStringInfo(out, "<table class=\"bars\"><caption>%s</caption>\n", caption);
	for (int i = 0; i < n; i++)
	{
		appendStringInfoString(out, "<tr><td><code>");
		html_text(out, items[i].text, items[i].len);
		appendStringInfo(out, "%s</code></td><td><i style=\"width:%.1f%%\"></i></td><td>" INT64_FORMAT "</td><td>%.2f %%</td></tr>\n",
						 items[i].clipped ? "&#8230;" : "", 100 * items[i].count / total, items[i].count,
						 100 * items[i].count / total);
	}
	appendStringInfoString(out, "</table>\n");
}
