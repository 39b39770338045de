/*
 * forest_private.h
 *	  What the forest files share with each other and with nobody else.
 *
 *		bytes ─ forest_json.c ─┐ events                      ┌▶ forest_write.c ─▶ canonical JSON
 *		      ─ forest_ubj.c ──┴─▶ forest_build.c ─▶ Forest ─┤
 *		                           forest_tree.c             └▶ forest_compile.c ─▶ compiled bytes
 *		compiled bytes ─ forest_open.c ─▶ CompiledForest ─▶ forest_score.c, forest_divide.c, forest_shap.c, forest_importance.c
 */
#ifndef LEARN_FOREST_PRIVATE_H
#define LEARN_FOREST_PRIVATE_H

#include <float.h>

#include "compat/compat.h"
#include "learn/forest.h"

/*-------------------------------------------------------------------------
 * Objectives (forest_objective.c)
 *-------------------------------------------------------------------------
 */
#define FOREST_OBJECTIVE_MAX_PARAMS 2

/* An objective that we serve, and the parameter object that the library expects beside its name. */
typedef struct ForestObjectiveInfo
{
	const char *name;
	ForestObjective objective;
	bool		foreign;		/* the library knows it */
	const char *section;		/* NULL when the library writes none */
	struct
	{
		const char *name;
		const char *dflt;
		double		min;		/* what the library accepts */
		double		max;
		bool		whole;
		bool		list;		/* written in brackets; one value is served */
	}			params[FOREST_OBJECTIVE_MAX_PARAMS];
} ForestObjectiveInfo;

extern const ForestObjectiveInfo *forest_objective_find(const char *name);
extern bool forest_base_margin(const Forest *forest, float *margin);

/*-------------------------------------------------------------------------
 * Reading: both formats become one stream of events (forest_build.c)
 *-------------------------------------------------------------------------
 */

/* Containers in containers; a model needs eight. */
#define FOREST_MAX_NESTING 32

/* Categories as the library can tell them apart (they travel as float32). */
#define FOREST_MAX_CATEGORY 16777215

/* Words of all category sets of a forest: their index must fit a node's 22 bits. */
#define FOREST_MAX_CATEGORY_WORDS (1 << 22)

typedef enum ForestScalarKind
{
	FOREST_SCALAR_TEXT,			/* a string */
	FOREST_SCALAR_NUMBER,		/* a number as text (JSON) */
	FOREST_SCALAR_INTEGER,
	FOREST_SCALAR_REAL,
	FOREST_SCALAR_BOOL,			/* in integer */
	FOREST_SCALAR_NULL			/* also JSON's unofficial NaN */
} ForestScalarKind;

typedef struct ForestScalar
{
	ForestScalarKind kind;
	const char *text;			/* NUL-terminated, for TEXT and NUMBER */
	int64		integer;
	float		real;
} ForestScalar;

typedef struct ForestBuilder ForestBuilder;

extern ForestBuilder *forest_build_begin(void);
extern void forest_build_object_start(ForestBuilder *builder);
extern void forest_build_object_end(ForestBuilder *builder);
extern void forest_build_key(ForestBuilder *builder, const char *name);
extern void forest_build_array_start(ForestBuilder *builder);
extern void forest_build_array_end(ForestBuilder *builder);
extern void forest_build_scalar(ForestBuilder *builder, const ForestScalar *scalar);
extern Forest *forest_build_end(ForestBuilder *builder);

extern void forest_json_parse(ForestBuilder *builder, const char *bytes, Size len);
extern void forest_ubj_parse(ForestBuilder *builder, const char *bytes, Size len);

/* Ends with error 22023 whose detail is the given text. */
extern void forest_refuse(const char *fmt,...) pg_attribute_printf(1, 2) pg_attribute_noreturn();

/* One tree's arrays as they stand in the model, before they are checked (forest_tree.c). */
typedef enum ForestTreeInts
{
	TREE_LEFT,
	TREE_RIGHT,
	TREE_PARENT,
	TREE_FEATURE,
	TREE_DEFAULT_LEFT,
	TREE_SPLIT_TYPE,
	TREE_CATEGORIES,
	TREE_CATEGORY_NODES,
	TREE_CATEGORY_STARTS,
	TREE_CATEGORY_COUNTS,
	TREE_NINTS
} ForestTreeInts;

typedef enum ForestTreeFloats
{
	TREE_VALUE,
	TREE_GAIN,
	TREE_COVER,
	TREE_BASE_WEIGHT,
	TREE_NFLOATS
} ForestTreeFloats;

typedef struct ForestInts
{
	int32	   *values;
	int			n;
	int			max;
} ForestInts;

typedef struct ForestFloats
{
	float	   *values;
	int			n;
	int			max;
} ForestFloats;

typedef struct ForestRawTree
{
	ForestInts	ints[TREE_NINTS];
	ForestFloats floats[TREE_NFLOATS];
	int			num_nodes;
	int			num_deleted;
	bool		has_split_type;
} ForestRawTree;

extern void forest_ints_add(ForestInts *ints, int32 value);
extern void forest_floats_add(ForestFloats *floats, float value);
extern void forest_tree_constant(ForestTree *tree, float value, int group);
extern void forest_tree_from_raw(ForestTree *tree, const ForestRawTree *raw, int number);

/* Longest path of a tree, or -1 with the reason when it is none (forest_check.c). */
extern int	forest_tree_depth(const ForestTree *tree, int number, const char **reason);

/*-------------------------------------------------------------------------
 * The compiled form (forest_compile.c writes, forest_open.c checks)
 *
 *		CompiledHeader
 *		CompiledTree	trees[ntrees]
 *		uint64			nodes[nnodes]		hot: the kernels read only these …
 *		uint32			words[nwords]		… and these: category sets
 *		CompiledStat	stats[nnodes]		cold: explanations and importance
 *		double			means[ntrees]		cold: expected value of each tree
 *
 * Nodes of a tree are numbered breadth first, so siblings are neighbours and a
 * child is always behind its parent.  A node is eight bytes:
 *
 *		bits  0–31	threshold; a leaf's output; a categorical split's set
 *		bits 32–47	column to look at
 *		bits 48–63	distance from this node to its left child; 0 for a leaf
 *
 * As nodes are numbered so, a distance is below 2^15.  In a form with the flag
 * COMPILED_DIVIDES bit 63 marks numeric splits at which a missing value goes both ways
 * (isolation forests only); the kernels walk a copy without the marks.
 *
 * The next node is this + distance + !(x < threshold).  Every feature has two
 * columns, 2f and 2f+1: both hold the value, but a missing one is NaN in the
 * first (goes right) and -inf in the second (goes left).  So that -inf is
 * missing and nothing else, as a value and as a threshold it counts as -FLT_MAX,
 * which no column's cut can be, as cuts lie above the smallest value or at -inf.  The last column is
 * always -inf and stands in every leaf, which so leads to itself: walking on is harmless
 * and a walk of the tree's depth always ends in the right leaf.
 *
 * A categorical split has a NaN in place of the threshold whose low 22 bits are
 * an index into words: the number of words of the set, then the words.
 *-------------------------------------------------------------------------
 */
#define COMPILED_MAGIC "aipipeDF"
#define COMPILED_FORMAT 1

/* The header's flags */
#define COMPILED_DIVIDES 1

#define NODE_DIVIDES (UINT64CONST(1) << 63)
#define NODE_DISTANCE_MASK 0x7FFF

#define NODE_CATEGORY_MARK 0xFFC00000u
#define NODE_CATEGORY_MASK 0x003FFFFFu

typedef struct CompiledHeader
{
	char		magic[8];
	uint32		format;
	uint32		byte_order;
	uint32		crc;			/* CRC-32C of everything, with this field zero */
	uint32		flags;			/* COMPILED_DIVIDES or zero */
	uint64		length;			/* of everything */
	int32		objective;
	int32		nfeatures;
	int32		ngroups;
	int32		ntrees;
	uint32		nnodes;
	uint32		nwords;
	float		base_margin;
	uint32		reserved;		/* zero */
} CompiledHeader;

typedef struct CompiledTree
{
	uint32		first;			/* its root in nodes */
	uint32		nnodes;
	uint16		group;
	uint8		depth;
	uint8		has_categories;
	float		weight;
} CompiledTree;

typedef struct CompiledStat
{
	float		gain;
	float		cover;
} CompiledStat;

/* What a walk that goes both ways needs to know of the tree below a node; computed when a form is opened. */
typedef struct CompiledSubtree
{
	float		mean;			/* expected value over its training rows */
	float		left_share;		/* of the training rows, those that went left */
	int			height;			/* longest way down to a leaf */
} CompiledSubtree;

struct CompiledForest
{
	const CompiledHeader *header;
	const CompiledTree *trees;
	const uint64 *nodes;
	const uint64 *marked;		/* the same with the marks; NULL when there are none */
	const uint64 *dividing;		/* where there are marks: the same for rows that divide, see below */
	const uint8 *looked_at;		/* by feature, bits of the columns that any node of it looks at */
	const CompiledSubtree *subtrees;	/* where there are marks, of each node */
	const uint32 *words;
	const CompiledStat *stats;
	const double *means;
	bool		has_categories;
	const uint32 *sets;			/* see below; NULL when there are none or a set is too wide */
};

/*
 * Where no set reaches beyond category NARROW_CATEGORIES - 1, opening copies the
 * sets into fixed slots, so that kernels can walk categorical splits without a branch:
 *
 *		slot 0:					all ones, for splits that are numeric
 *		slot 1 + index in words:	the set, then a word with bits 0 and 1
 *
 * A value is looked up by its code: its category, NARROW_ABSENT (not in any set) or
 * NARROW_PRESENT (in every set).  Missing is the one or the other by the column's
 * parity.
 */
#define NARROW_CATEGORIES 96	/* the encoder's 64 and what goes beyond them, with room */
#define NARROW_ABSENT 96
#define NARROW_PRESENT 97
#define NARROW_SLOT 4			/* words */
#define NARROW_MAX_WORDS (1 << 18)

/*
 * For rows that divide, opening copies the nodes into another form, in which every feature has three
 * columns: 3f and 3f+1 hold what 2f and 2f+1 do, and at 3f+2, where the marked nodes look, a walk stays
 * when the value is missing.
 *
 *		bits  0–31	as above
 *		bits 32–48	column
 *		bits 49–63	distance
 */
#define DIVIDING_COLUMNS 3

/* Puts a node of that form together. */
static inline uint64
dividing_make(uint32 bits, uint32 column, uint32 distance)
{
	return (uint64) bits | (uint64) column << 32 | (uint64) distance << 49;
}

/* Gives the column that it looks at. */
static inline uint32
dividing_column(uint64 node)
{
	return (uint32) (node >> 32) & 0x1FFFF;
}

/* Gives the distance to its left child; 0 for a leaf. */
static inline uint32
dividing_distance(uint64 node)
{
	return (uint32) (node >> 49);
}

/* Byte offsets of the sections; false when the counts do not fit a length. */
typedef struct CompiledLayout
{
	Size		trees;
	Size		nodes;
	Size		words;
	Size		stats;
	Size		means;
	Size		length;
} CompiledLayout;

extern void forest_compiled_layout(CompiledLayout *layout, uint32 ntrees, uint32 nnodes, uint32 nwords);

/* Puts a node together. */
static inline uint64
node_make(uint32 bits, uint32 column, uint32 distance)
{
	return (uint64) bits | (uint64) column << 32 | (uint64) distance << 48;
}

/* Gives a node's low half as it is. */
static inline uint32
node_bits(uint64 node)
{
	return (uint32) node;
}

/* Gives the column that a node looks at. */
static inline uint32
node_column(uint64 node)
{
	return (uint32) (node >> 32) & 0xFFFF;
}

/* Gives the distance to a node's left child; 0 for a leaf. */
static inline uint32
node_distance(uint64 node)
{
	return (uint32) (node >> 48);
}

/* Gives a node's threshold or a leaf's output. */
static inline float
node_value(uint64 node)
{
	uint32		bits = (uint32) node;
	float		value;

	memcpy(&value, &bits, sizeof(value));
	return value;
}

/* Gives what a value or a threshold counts as where nodes compare: -inf stands for missing alone; NaN stays. */
static inline float
known_value(float value)
{
	return value < -FLT_MAX ? -FLT_MAX : value;
}

/* Says whether a missing value goes both ways; marked is a form's node with its mark. */
static inline bool
node_divides(uint64 marked)
{
	return (marked & NODE_DIVIDES) != 0;
}

/* Says whether a split is by category. */
static inline bool
node_is_categorical(uint64 node)
{
	return ((uint32) node & NODE_CATEGORY_MARK) == NODE_CATEGORY_MARK;
}

/*
 * Says whether a categorical split sends the value left, as the library does:
 * a category in the set goes right; one that is not in the set, negative or
 * too large goes left; fractions are cut off.
 */
static inline bool
category_goes_left(const uint32 *words, uint64 node, float value)
{
	const uint32 *set = words + ((uint32) node & NODE_CATEGORY_MASK);
	uint32		category;

	if (value < 0 || value >= FOREST_MAX_CATEGORY + 1)
		return true;
	category = (uint32) value;
	if (category / 32 >= set[0])
		return true;
	return (set[1 + category / 32] >> (category % 32) & 1) == 0;
}

/*
 * Gives the share of a node's cover that goes to one of its children; halves
 * where training saw nothing, at most all of it whatever the model says.
 */
static inline double
compiled_share(const CompiledStat *stats, int node, int child)
{
	double		all = stats[node].cover;

	return all > 0 ? Min(stats[child].cover / all, 1.0) : 0.5;
}

#endif							/* LEARN_FOREST_PRIVATE_H */
