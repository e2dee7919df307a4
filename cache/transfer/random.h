/* cache/transfer/random.h: names that nobody else has. */
#ifndef CACHE_TRANSFER_RANDOM_H
#define CACHE_TRANSFER_RANDOM_H

/* 32 hexadecimal digits; the caller's. */
char *random_hex(void);

#endif
