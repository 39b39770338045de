# shellcheck shell=bash
# csv.sh: makes any CSV readable for COPY and lands it as text.
#
# Sourced by run.sh.  Whatever is wrong with the file ends in one plain sentence.

# Prints why the file cannot be used and gives up.
csv_refuse()
{
	echo "demo: $*" >&2
	exit 1
}

# Names the file's encoding: the one asked for, a byte order mark's, UTF-8 when it is valid, else Latin-1.
csv_encoding()
{
	local file=$1 mark place

	if [ -n "${ENCODING:-}" ]; then
		echo "$ENCODING"
		return
	fi
	mark=$(head -c 3 "$file" | od -An -tx1 | tr -d ' \n')
	case $mark in
		fffe*) echo UTF-16LE && return ;;
		feff*) echo UTF-16BE && return ;;
	esac
	if iconv -f UTF-8 -t UTF-8 "$file" >/dev/null 2>"$STAGE/csv/iconv"; then
		echo UTF-8
		return
	fi
	place=$(grep -o '[0-9][0-9]*$' "$STAGE/csv/iconv" | head -n 1 || :)
	echo "The file is not UTF-8 (line $(($(head -c "${place:-0}" "$file" | wc -l) + 1)) is the first that is not): read as Latin-1." \
		"ENCODING=… names another." >&2
	echo LATIN1
}

# Writes the file as UTF-8 with plain line ends, without byte order mark and empty lines at its end, to $STAGE/csv/input.csv.
csv_normalise()
{
	local file=$1 encoding out=$STAGE/csv/input.csv line

	[ -e "$file" ] || csv_refuse "there is no file \"$file\""
	if [ ! -f "$file" ] || [ ! -r "$file" ]; then
		csv_refuse "\"$file\" is not a file that you may read"
	fi
	[ -s "$file" ] || csv_refuse "\"$file\" is empty"
	case $(head -c 4 "$file" | od -An -tx1 | tr -d ' \n') in
		1f8b* | 504b0304 | 425a68* | fd377a58 | 28b52ffd) csv_refuse "\"$file\" is compressed: unpack it first" ;;
	esac
	encoding=$(csv_encoding "$file")
	iconv -f "$encoding" -t UTF-8 "$file" >"$out" 2>"$STAGE/csv/iconv" ||
		csv_refuse "\"$file\" cannot be read as $encoding: $(head -n 1 "$STAGE/csv/iconv")"
	if [ "$(head -c 3 "$out" | od -An -tx1 | tr -d ' \n')" = efbbbf ]; then
		tail -c +4 "$out" >"$out.plain" && mv "$out.plain" "$out"
	fi
	if [ "$(tr -cd '\000' <"$out" | head -c 1 | wc -c)" -gt 0 ]; then
		csv_refuse "\"$file\" holds zero bytes: it is no CSV, or not in the encoding $encoding"
	fi
	if grep -q $'\r' "$out"; then
		if [ "$(tr -cd '\n' <"$out" | head -c 1 | wc -c)" -gt 0 ]; then
			sed 's/\r$//' "$out" >"$out.plain"
			if grep -q $'\r' "$out.plain"; then
				echo 'Carriage returns inside lines are read as spaces.' >&2
				tr '\r' ' ' <"$out.plain" >"$out"
				cp "$out" "$out.plain"
			fi
		else
			tr '\r' '\n' <"$out" >"$out.plain"
		fi
		mv "$out.plain" "$out"
	fi
	line=$(grep -n -m 1 '^\\\.$' "$out" | cut -d : -f 1 || :)
	[ -z "$line" ] || csv_refuse "line $line of \"$file\" holds only \\. , which COPY takes for the end of the data"
	# Empty lines at the end are no records; one at the beginning hides the names.
	awk 'NF || /[^ ]/ { for (; held > 0; held--) print ""; print; seen = 1; next } seen { held++ }' "$out" >"$out.plain"
	mv "$out.plain" "$out"
	[ -s "$out" ] || csv_refuse "\"$file\" holds only empty lines"
	echo "$encoding" >"$STAGE/csv/encoding"
}

# Says in the user's words what COPY disliked.
csv_explain_copy()
{
	local file=$1 log=$2 width=$3 line text

	line=$(sed -n 's/^CONTEXT: *COPY raw, line \([0-9]*\).*/\1/p' "$log" | head -n 1)
	text=$(sed -n 's/^CONTEXT: *COPY raw, line [0-9]*: "\(.*\)/\1/p' "$log" | head -n 1 | sed 's/"$//' | cut -c 1-100)
	case $(head -n 1 "$log") in
		*'extra data after'*) csv_refuse "the record that ends on line $line of \"$file\" has more than the $width fields of the first one: $text" ;;
		*'missing data for'*) csv_refuse "the record that ends on line $line of \"$file\" has fewer than the $width fields of the first one: $text" ;;
		*'row is too big'*) csv_refuse "the record on line $line of \"$file\" is too wide for a table of PostgreSQL (a row must fit 8 kB once long texts are moved out)" ;;
		*'unterminated CSV'*) csv_refuse "a quote (\") opened in \"$file\" never closes; the last record begins before line $line" ;;
		*) csv_refuse "COPY cannot read \"$file\": $(sed 's/^psql:[^ ]* //; s/^ERROR: *//' "$log" | head -n 1)${line:+ (line $line)}" ;;
	esac
}

# Evaluates an expression of the sample (and the delimiter) of the file.
csv_ask()
(
	cd "$STAGE/csv" || exit
	# shellcheck disable=SC2016 # psql expands the backticks
	printf '\\set sample `cat sample`\nSELECT %s;\n' "$1" | cluster_psql -A -t -v delimiter="${CSV_DELIMITER:-}"
)

# Lands the normalised file as text in csv.raw; sets CSV_DELIMITER.
csv_land()
{
	local file=$1 log=$STAGE/csv/copy.log width columns

	head -n 200 "$STAGE/csv/input.csv" | head -c 500000 | iconv -c -f UTF-8 -t UTF-8 2>/dev/null >"$STAGE/csv/sample" || :
	CSV_DELIMITER=${DELIMITER:-$(csv_ask 'demo.csv_delimiter(:'"'sample'"')')}
	[ -n "$CSV_DELIMITER" ] || CSV_DELIMITER=$'\t'
	width=$(csv_ask "demo.csv_width(:'sample', :'delimiter')")
	[ "$width" -gt 0 ] || csv_refuse "a quote (\") opened at the beginning of \"$file\" never closes"
	[ "$width" -le 1590 ] || csv_refuse "\"$file\" has $width columns; a table of PostgreSQL holds at most 1600, and the demo needs some for itself"
	columns=$(seq -f 'c%.0f' -s ', ' 1 "$width")
	cluster_psql -c "CREATE UNLOGGED TABLE csv.raw (r bigint GENERATED ALWAYS AS IDENTITY, $(seq -f 'c%.0f text' -s ', ' 1 "$width"))"
	cluster_psql -c "COPY csv.raw ($columns) FROM STDIN WITH (FORMAT csv, DELIMITER E'$(printf '%s' "$CSV_DELIMITER" | sed 's/\t/\\t/')')" \
		<"$STAGE/csv/input.csv" 2>"$log" || csv_explain_copy "$file" "$log" "$width"
}
