/*
 * sqlite: the same work for SQLite: one 64-byte row per transaction, a prepared INSERT,
 * synchronous=FULL. Not part of zt: bench/journal.sh builds it against the system's library.
 *
 *   sqlite wal|delete DIR MS     prints "COUNT MICROSECONDS"
 */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { MOST = 4000, VALUE = 64 };

static long long now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000LL + t.tv_nsec / 1000;
}

int main(int argc, char **argv)
{
	char path[4096], mode[64];
	unsigned char value[VALUE];
	long long start, end, until, count = 0;
	sqlite3_stmt *insert;
	sqlite3 *db;

	if (argc != 4)
		return 2;
	for (int i = 0; i < VALUE; i++)
		value[i] = (unsigned char)(i * 37 + 11);
	snprintf(path, sizeof path, "%s/bench.db", argv[2]);
	snprintf(mode, sizeof mode, "PRAGMA journal_mode=%s;", argv[1]);
	start = now_us();
	until = start + strtoll(argv[3], NULL, 10) * 1000;
	if (sqlite3_open(path, &db) || sqlite3_exec(db, mode, NULL, NULL, NULL) ||
	    sqlite3_exec(db, "PRAGMA synchronous=FULL; CREATE TABLE log (seq INTEGER PRIMARY KEY, type INT, value BLOB);",
			 NULL, NULL, NULL) ||
	    sqlite3_prepare_v2(db, "INSERT INTO log (type, value) VALUES (1, ?)", -1, &insert, NULL))
		return 1;
	while (count < MOST && now_us() < until) {
		sqlite3_bind_blob(insert, 1, value, VALUE, SQLITE_STATIC);
		if (sqlite3_step(insert) != SQLITE_DONE)
			return 1;
		sqlite3_reset(insert);
		count++;
	}
	end = now_us();
	sqlite3_finalize(insert);
	sqlite3_close(db);
	printf("%lld %lld\n", count, end - start);
	return 0;
}
