/*
 * key_vectors: private keys as OpenSSL and GnuTLS write them. The EC keys are those of RFC 6979
 * (pk_vectors.h), so what has to come out is known; the RSA key is rsa_key there. All passphrases
 * are "hunter2".
 */
#ifndef ZT_KEY_VECTORS_H
#define ZT_KEY_VECTORS_H

#include "tests/unit/base/pk_vectors.h"

static const struct {
	const char *name;
	enum pk_type type;
	const char *passphrase, *pem;
} key_files[] = {
	{"sec1_p256", PK_P256, NULL,
		 "-----BEGIN EC PRIVATE KEY-----\n"
		 "MHcCAQEEIMmvqdhFunUWa1whV2ex1pNOUMPbNuibEnuKYisSD2choAoGCCqGSM49\n"
		 "AwEHoUQDQgAEYP7UuiVanTHJYet0xjVtaMBJuJI7Yfps5mliLmDyn7Z5A/4QCLi8\n"
		 "maQa6elWKLxk8vGyDC1+n1F3o8KU1EYimQ==\n"
		 "-----END EC PRIVATE KEY-----\n"},
	{"pkcs8_p256", PK_P256, NULL,
		 "-----BEGIN PRIVATE KEY-----\n"
		 "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgya+p2EW6dRZrXCFX\n"
		 "Z7HWk05Qw9s26JsSe4piKxIPZyGhRANCAARg/tS6JVqdMclh63TGNW1owEm4kjth\n"
		 "+mzmaWIuYPKftnkD/hAIuLyZpBrp6VYovGTy8bIMLX6fUXejwpTURiKZ\n"
		 "-----END PRIVATE KEY-----\n"},
	{"sec1_p384", PK_P384, NULL,
		 "-----BEGIN EC PRIVATE KEY-----\n"
		 "MIGkAgEBBDBrnT2tLhuMHAWxmHW2ZZ9N4jw7Znvyl7qapHdAeHE32JbVck5McKgl\n"
		 "+HLJ6mDS7fWgBwYFK4EEACKhZANiAATsOk5BW04ZpFaGGAKfQn+l2pqLxK6S4C4G\n"
		 "quUoazAMZN748OqQVYZgZKJUUVSAvBOAFdm3LX1XJE6o75rAxiGJZwilk2f537n1\n"
		 "TKhLPxydsSiLIxw64NT+c0T9JTMmRyA=\n"
		 "-----END EC PRIVATE KEY-----\n"},
	{"pkcs8_p384", PK_P384, NULL,
		 "-----BEGIN PRIVATE KEY-----\n"
		 "MIG2AgEAMBAGByqGSM49AgEGBSuBBAAiBIGeMIGbAgEBBDBrnT2tLhuMHAWxmHW2\n"
		 "ZZ9N4jw7Znvyl7qapHdAeHE32JbVck5McKgl+HLJ6mDS7fWhZANiAATsOk5BW04Z\n"
		 "pFaGGAKfQn+l2pqLxK6S4C4GquUoazAMZN748OqQVYZgZKJUUVSAvBOAFdm3LX1X\n"
		 "JE6o75rAxiGJZwilk2f537n1TKhLPxydsSiLIxw64NT+c0T9JTMmRyA=\n"
		 "-----END PRIVATE KEY-----\n"},
	{"sec1_p521", PK_P521, NULL,
		 "-----BEGIN EC PRIVATE KEY-----\n"
		 "MIHcAgEBBEIA+tBtqmK6OyXS+0ATPadXIF3mf1uwAY/ujIbhtox+dcqolusy8fR8\n"
		 "cIVYNqbRb8wUZvbY++xn24nsDAiw6Za4NTigBwYFK4EEACOhgYkDgYYABAGJRVDQ\n"
		 "eFky4A6qI7aU8hP4wxIfhtyXoE5acWfbTlvNNxEj1G5F22tdU3Cn8g+2MxVdOP+h\n"
		 "bSvXYdysR0uaL1AjpABJMQHJYs1NL933giheZFhBOcL5G0f4f/gjVNZjD3RqKKDb\n"
		 "JXQbWzSoKACLIqzCP5JPqvvU0z+B6maVbf6qK/389Q==\n"
		 "-----END EC PRIVATE KEY-----\n"},
	{"pkcs8_p521", PK_P521, NULL,
		 "-----BEGIN PRIVATE KEY-----\n"
		 "MIHuAgEAMBAGByqGSM49AgEGBSuBBAAjBIHWMIHTAgEBBEIA+tBtqmK6OyXS+0AT\n"
		 "PadXIF3mf1uwAY/ujIbhtox+dcqolusy8fR8cIVYNqbRb8wUZvbY++xn24nsDAiw\n"
		 "6Za4NTihgYkDgYYABAGJRVDQeFky4A6qI7aU8hP4wxIfhtyXoE5acWfbTlvNNxEj\n"
		 "1G5F22tdU3Cn8g+2MxVdOP+hbSvXYdysR0uaL1AjpABJMQHJYs1NL933giheZFhB\n"
		 "OcL5G0f4f/gjVNZjD3RqKKDbJXQbWzSoKACLIqzCP5JPqvvU0z+B6maVbf6qK/38\n"
		 "9Q==\n"
		 "-----END PRIVATE KEY-----\n"},
	{"pkcs8_rsa", PK_RSA, NULL,
		 "-----BEGIN PRIVATE KEY-----\n"
		 "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQCd+PWwGWgWGzUf\n"
		 "gwwOMSHwwsNw04Otyu+fNdfKPJT7g6dBIkyqO7WoHG84xt4/tHjTHIEveSq7q4rd\n"
		 "f4N0BpmAdqrp6jKJfX7wC5/ptXftHFjlN4YnVSkZ1CDVpBlPUa/txy8ubh+nXpuj\n"
		 "PWvs92XT6YtOcyawQmCJesi31QA8yEvugFmJsetuGs38se9YlIO9JlarU9UT3gpI\n"
		 "ido5qh27s/xO+E70Q869FoX7xOyzQ6acxB+Hn4Pnsjvjjr5KjNveT3PUZzVBorGV\n"
		 "tmf7iZ0l5tz6ePB4WILpzJnkcilZc8gWN+cZlYfi+6nnjwzRHRxfXGxN85nroZVj\n"
		 "WvrGin5dAgMBAAECggEAFXglP+fRYcEUhlyuPJbd2NWcxTk3L11MwAkLyPRUf8hD\n"
		 "6LzAyZla1hGjO1v/uY23/A0RhkJZQJnkQg0smuNeD6ZREoBd75oAMJ82flyc2LtJ\n"
		 "COyeYrsWs71vhvQ0l7dE3zPPtueIOBwfWon5oIImXddi3j2/zNBV7r6isnqUJoO6\n"
		 "67qS92/6ZRkt0pG+i80BnYDIBbNTl53YTPI2VmhoGproFxUgtWoZNJ6grt0d4tEF\n"
		 "7fT5ZgTATFIODtyEyAsykCBcw5Cuep7nThH1qCx125y1VRRN5ijwb7CaCfMemzDA\n"
		 "lkrCBUZRH6Adsi23fbZdcS4Ov1F/dAh8+uBOL/J8uwKBgQDOhWVOokcQ0wtocw/S\n"
		 "gb9Lwg7bpMC7v+sv9fXqt/nqxLM1z9rBSdu9kX6SOEQQI0WV9EQXbvfyNn4K1hT3\n"
		 "mdE2fkqbqCO5CDXj8bph+LrZEZsCghPTHHnr0C2f3jn87eKMYd5tGqwJmUian95A\n"
		 "ZtJuy20//0XTm33nk97n4ZKf5wKBgQDD0exIinLCDFvgY1jWIfQNONoD3x3AW9hM\n"
		 "MJ5thbgxnRfQ5/+MR7Aq6+9UJTZyOokbXXtGMYzm3fMkdhWu0X/cD86XoU1xbYS3\n"
		 "/6UFED2+GolEW2ee4reVqMYslHfvnMcUAD9GJ2PnTZs0RacGsQyMPZzPa++WAuHz\n"
		 "UTj4E183GwKBgQCApsTXWWwf5PjEVnlSz5TVoswSs+2EiCgAtp49W+KKB4MEULmb\n"
		 "k2EaFJreh8KOswpUQdhxKKW4841NPtPM8rtL0Ry1HucyCxVXLGzJP2NWegswYsvq\n"
		 "xWCGMCdb4doJ4D8y6HzhRq5JRH3gJRsUz3jjoEIsjd931PN34bwIg5MNnQKBgDv0\n"
		 "sGXdjhl/8zmW8YJOzwylVYtN6ywUcvuQ/1EFWkpGkR4zinkHEhdyOcsHwc3jwksQ\n"
		 "qkfpr/yYBHQre6QVHRLh/B1NFAsgvzwfGAWe3Wixc0nsuqNZQ2CdVmAb7UT+Oa4U\n"
		 "DUuLj/koN9cfZG6WEwN1cefIYokJxOjc+5ZpSAP1AoGAGIg1CgQ3lt4+klOzyCX7\n"
		 "Y50Hh4r8SbSZLt9ofbrTz6pXheqIZc/+2qYgapEvNIWLhXRelQYy7AK0SJpPJBv8\n"
		 "r6ipl2JOl0iQuce9hKzZSHrcrlIZfiF6cxw0O5yatFXMlXm5xcayBoLTivVlqt7t\n"
		 "Z+7Q1qkqk+p4I1gGoRzTJQs=\n"
		 "-----END PRIVATE KEY-----\n"},
	{"pkcs1_rsa", PK_RSA, NULL,
		 "-----BEGIN RSA PRIVATE KEY-----\n"
		 "MIIEowIBAAKCAQEAnfj1sBloFhs1H4MMDjEh8MLDcNODrcrvnzXXyjyU+4OnQSJM\n"
		 "qju1qBxvOMbeP7R40xyBL3kqu6uK3X+DdAaZgHaq6eoyiX1+8Auf6bV37RxY5TeG\n"
		 "J1UpGdQg1aQZT1Gv7ccvLm4fp16boz1r7Pdl0+mLTnMmsEJgiXrIt9UAPMhL7oBZ\n"
		 "ibHrbhrN/LHvWJSDvSZWq1PVE94KSInaOaodu7P8TvhO9EPOvRaF+8Tss0OmnMQf\n"
		 "h5+D57I7446+Sozb3k9z1Gc1QaKxlbZn+4mdJebc+njweFiC6cyZ5HIpWXPIFjfn\n"
		 "GZWH4vup548M0R0cX1xsTfOZ66GVY1r6xop+XQIDAQABAoIBABV4JT/n0WHBFIZc\n"
		 "rjyW3djVnMU5Ny9dTMAJC8j0VH/IQ+i8wMmZWtYRoztb/7mNt/wNEYZCWUCZ5EIN\n"
		 "LJrjXg+mURKAXe+aADCfNn5cnNi7SQjsnmK7FrO9b4b0NJe3RN8zz7bniDgcH1qJ\n"
		 "+aCCJl3XYt49v8zQVe6+orJ6lCaDuuu6kvdv+mUZLdKRvovNAZ2AyAWzU5ed2Ezy\n"
		 "NlZoaBqa6BcVILVqGTSeoK7dHeLRBe30+WYEwExSDg7chMgLMpAgXMOQrnqe504R\n"
		 "9agsdductVUUTeYo8G+wmgnzHpswwJZKwgVGUR+gHbItt322XXEuDr9Rf3QIfPrg\n"
		 "Ti/yfLsCgYEAzoVlTqJHENMLaHMP0oG/S8IO26TAu7/rL/X16rf56sSzNc/awUnb\n"
		 "vZF+kjhEECNFlfREF2738jZ+CtYU95nRNn5Km6gjuQg14/G6Yfi62RGbAoIT0xx5\n"
		 "69Atn945/O3ijGHebRqsCZlImp/eQGbSbsttP/9F05t955Pe5+GSn+cCgYEAw9Hs\n"
		 "SIpywgxb4GNY1iH0DTjaA98dwFvYTDCebYW4MZ0X0Of/jEewKuvvVCU2cjqJG117\n"
		 "RjGM5t3zJHYVrtF/3A/Ol6FNcW2Et/+lBRA9vhqJRFtnnuK3lajGLJR375zHFAA/\n"
		 "Ridj502bNEWnBrEMjD2cz2vvlgLh81E4+BNfNxsCgYEAgKbE11lsH+T4xFZ5Us+U\n"
		 "1aLMErPthIgoALaePVviigeDBFC5m5NhGhSa3ofCjrMKVEHYcSiluPONTT7TzPK7\n"
		 "S9EctR7nMgsVVyxsyT9jVnoLMGLL6sVghjAnW+HaCeA/Muh84UauSUR94CUbFM94\n"
		 "46BCLI3fd9Tzd+G8CIOTDZ0CgYA79LBl3Y4Zf/M5lvGCTs8MpVWLTessFHL7kP9R\n"
		 "BVpKRpEeM4p5BxIXcjnLB8HN48JLEKpH6a/8mAR0K3ukFR0S4fwdTRQLIL88HxgF\n"
		 "nt1osXNJ7LqjWUNgnVZgG+1E/jmuFA1Li4/5KDfXH2RulhMDdXHnyGKJCcTo3PuW\n"
		 "aUgD9QKBgBiINQoEN5bePpJTs8gl+2OdB4eK/Em0mS7faH2608+qV4XqiGXP/tqm\n"
		 "IGqRLzSFi4V0XpUGMuwCtEiaTyQb/K+oqZdiTpdIkLnHvYSs2Uh63K5SGX4henMc\n"
		 "NDucmrRVzJV5ucXGsgaC04r1Zare7Wfu0NapKpPqeCNYBqEc0yUL\n"
		 "-----END RSA PRIVATE KEY-----\n"},
	{"aes256_sha256", PK_P256, "hunter2",
		 "-----BEGIN ENCRYPTED PRIVATE KEY-----\n"
		 "MIHrMFYGCSqGSIb3DQEFDTBJMCgGCSqGSIb3DQEFDDAbBAg2rzt/rpz+3AIBAzAM\n"
		 "BggqhkiG9w0CCQUAMB0GCWCGSAFlAwQBKgQQDNuHmFuzKrjo5a5/CekWsASBkKOu\n"
		 "jupoaeQ/2GK6p5rf7AJ6qq//6iQfM00JlMjBsjX8qq3rnQsqdJChC/FjADT21b6y\n"
		 "D8SzgEM463fioZiqjdTH1nxq0mxxSoGM1Y9WmL/E+hlWb7bbB0n9lmpZEC3VFlWg\n"
		 "UUulFSMNgH9iYd6YuahQlDRNpTh4KJExm8PiPHFtY9e6cZQkUgdoukFgmGrBhg==\n"
		 "-----END ENCRYPTED PRIVATE KEY-----\n"},
	{"aes192_sha384", PK_P256, "hunter2",
		 "-----BEGIN ENCRYPTED PRIVATE KEY-----\n"
		 "MIHrMFYGCSqGSIb3DQEFDTBJMCgGCSqGSIb3DQEFDDAbBAih2/DrJ4v9GQIBAjAM\n"
		 "BggqhkiG9w0CCgUAMB0GCWCGSAFlAwQBFgQQ7WQ2aF4KAy9EcMdgNEP6YASBkPgm\n"
		 "EgEQAPmZi/jpFklbrhDJRJnomiBDm7GlOQR3y1Bjvw3SS5+CevCGoZXJ5L6laNVY\n"
		 "i+OfmW+MJRM44cxGu9xTMuM2jeiUkjMeFeoNb/LL84JnPdshetgTz6R0NXVOgcsK\n"
		 "gAXi6vS7fQSa4IxvdL9GIPwMTEMXJ0VZ7NV8tquuH0+YnEyzNxBvJsgiP/iejw==\n"
		 "-----END ENCRYPTED PRIVATE KEY-----\n"},
	{"aes128_sha512", PK_P256, "hunter2",
		 "-----BEGIN ENCRYPTED PRIVATE KEY-----\n"
		 "MIHrMFYGCSqGSIb3DQEFDTBJMCgGCSqGSIb3DQEFDDAbBAj7oN81SPqn9QIBATAM\n"
		 "BggqhkiG9w0CCwUAMB0GCWCGSAFlAwQBAgQQYDUp1rjqg7Z7ifQDWaW1JgSBkObU\n"
		 "91WL5KDwJjc9kL96Hrv0KPj5I4P19Hwj+1YFqGwTkFG43hoySRjSjKa9Mp2ALf2T\n"
		 "FH6J99MBU0bfDAp2PSTPzmKVzxZQa4rhyAFrkFucCueX//G35cc3a22r0vd758cq\n"
		 "oPCrWLOA58etIc9ADuOijeWFJRs+pM2KTsYONMTKRnd+HHZJllyf8wpHDMLOQg==\n"
		 "-----END ENCRYPTED PRIVATE KEY-----\n"},
	{"aes256_sha1", PK_P256, "hunter2",
		 "-----BEGIN ENCRYPTED PRIVATE KEY-----\n"
		 "MIHdMEgGCSqGSIb3DQEFDTA7MBoGCSqGSIb3DQEFDDANBAjCvHIlgyYggAIBBDAd\n"
		 "BglghkgBZQMEASoEEIJT/mEbFDW88VwNiv3q/5IEgZBzO3d8fRIhLALOXFfB8Fhv\n"
		 "9aTC4MEyy4OkkbuMPErS9Ek7xH/9arhLvGHH2Aa2KqJEl3hpbKIqfN4C3hVRXS8G\n"
		 "D4ROXiXZPSJvHUk+FEhk8zm4gW82zOP/M3QHLV5dD2xHeU3bGD/4Xe5Iu3uiwU2U\n"
		 "z18v6j318QRiDP5ZgiEZl+DJ4v3hWtRr00B6hq79AKQ=\n"
		 "-----END ENCRYPTED PRIVATE KEY-----\n"},
	{"des3_sha1", PK_P256, "hunter2",
		 "-----BEGIN ENCRYPTED PRIVATE KEY-----\n"
		 "MIHUMD8GCSqGSIb3DQEFDTAyMBoGCSqGSIb3DQEFDDANBAhBbsI7iZ/x4gIBBTAU\n"
		 "BggqhkiG9w0DBwQIj7OY0jYgJ1gEgZAxnQZv0Ipa70k44o6l2++SGdTtFnpEmNlf\n"
		 "ysc8a0oj4ea8y0U0hEi3q1L2hFETEIsCMzm1t+XYGzpiAZw+GmDs90LbaZiIvETl\n"
		 "43XYGNTCHrwjZY/b6HNGWKxJuuGWrzGLG+Toj2yl6cUwnFN4KVgqG/OAjAOfreyx\n"
		 "Y7JCRpKbAxGvJutiyynOtM68vLg7Gpw=\n"
		 "-----END ENCRYPTED PRIVATE KEY-----\n"},
	{"aes256_rsa", PK_RSA, "hunter2",
		 "-----BEGIN ENCRYPTED PRIVATE KEY-----\n"
		 "MIIFLDBWBgkqhkiG9w0BBQ0wSTAoBgkqhkiG9w0BBQwwGwQIgbIPP52GxC0CAQIw\n"
		 "DAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEEClpBi5+hFT5DfTNlLx6SIsEggTQ\n"
		 "9+j48NeHsHK4xMra22igiAMJflNmp4byz/vXSKlTDWspwgVWwZuDSjhrfRCJbGj+\n"
		 "ZhKMKDY97+1TKnwairv3dbTNyp9sZVn+r6TT42TIpoK+yqEQK4vaw2GCKYF0UXwY\n"
		 "CYSun5sG19Ssng9ZLBCvIQMHo7hYgFInGcjObjnFHL6vw4GD3CHKfSMxV+VvKHyB\n"
		 "/QgK2T0Eu/LRfA0dmOKbpxb+z2dD1zpKN+Mkmu1XiHBDpd8ez+nUNetLDiOdL2ec\n"
		 "k1lJgc/a4+MbV1ak1IlA7tsyunBo5Yu7eiTkZjWPMlA41t4SBAzMjOGVYfEsrZml\n"
		 "Yu70Wd+PMJidwXSQA3Iid6oHpMcCDjOwWt1R0dphdo0sk3eBvzCIWuo4Eg58eM+E\n"
		 "wHJD20FEcXr5cLuRKZo7vEIbCxyaub5SaEixDuZBNf3KDV+/gYb61cQnxB1dOn9A\n"
		 "1ivnCSeE7tQhZmB4XIBF7dhVmwBierxDpUqPHx4wBsjcb5hTHKUvCM7AC3metqzX\n"
		 "azANeAiOzbGVyNQhPkdU1NyikOoZml3OlHYzdO2nydmrUm0jmL7MC8DM0FhYU0Ja\n"
		 "0PalIM78kTloxJurvskb6DA1DEcoKl3UiitsdjFL1LFolPbvkAK/Gq49hS/VbY/X\n"
		 "8CIx8CTJNTnKnGX00/CgErBTTw8vFUCduW0krDcyfurOhlyjRxk6YNzJE9Pyypos\n"
		 "3zoK0iQtUxullsLhNo+OWC3sOVXVs6C3Ik178vUDqHR7FNgv/VxVI//xzlcE8hCi\n"
		 "n6uxZ8tBgrB6n51e773Z505L0ufKUe8yE4MZGzQrTKi/HrBrmdRxHsm9ekkLiB5k\n"
		 "hh8VuKhJENSQ/HNRkb1pbUg04FDnW+M4idrpv3VeKxJiYuGewLJRIoLB+hC/Dfdt\n"
		 "gU+8KU166L+aYlAAS3vb2zf4ya1gFsQrKNQiA3sux3a+LP+H5Ko/Qhf1KKn/mheK\n"
		 "GALiniLb4ah9u5iO4OiaonTf2nGtCih247d+GK6qK3jDg1ZcgxDDgNXoVdbyb039\n"
		 "Ghr6Thq13n8/M4qgHyD8HmOPnHHRLMheZ+JE1PTJfXiO7Cx9Y+/sFbc/zXZ9d/xy\n"
		 "Ym6hbI3SOMxs6DDQLoEzaQdsHzH8qCjToCZGpwb8ES2IfCbMxX625wsuRcUVF6Rp\n"
		 "Ze8knu4ftQMiOLkuurAf2lElyrERKcf/eSqbaWGir9idWxqgonUzsVlTOT/9O8Qm\n"
		 "aJwVHJoXYGzaDVPI0u8/5dE48UFroLxqo92OTaaiVMdU+DJYFugp65DJPqU2IXp1\n"
		 "UdTNGdCPOCpgRErIl1S5RTDvNqUA/az8dSIJlVC1NWlKc42QV8WWooTR+UPzC47k\n"
		 "Os3LpPDKenSW7TYoSidIf/Ot+Q/znf3YjsoJm2zUDs8yBhFeKuHM8LR8j8Dwl1d7\n"
		 "Q63XH3kpBqcD3adMs6TIDy72Od4zg7CdBKDztysBj84J2tRdp5UHMExgzmgGOug1\n"
		 "Wmpdmf+9SHvKVmaNKXvrZA1gd/9LSB9v1T/msq4FCm6cDMCyCCmWeKhFUF9/c/xE\n"
		 "0NbVCxC4o16wkU+zV6Usku+IzLEHQNXizS6eRZcoT5fsgrRpbwadWo7Xw5Ayb81W\n"
		 "BVtTuTKViXXoiQav9KIVJ8YlDj+YqGvqJXylg/thd7o=\n"
		 "-----END ENCRYPTED PRIVATE KEY-----\n"},
	{"gnutls_sec1", PK_P256, NULL,
		 "-----BEGIN EC PRIVATE KEY-----\n"
		 "MHcCAQEEIMmvqdhFunUWa1whV2ex1pNOUMPbNuibEnuKYisSD2choAoGCCqGSM49\n"
		 "AwEHoUQDQgAEYP7UuiVanTHJYet0xjVtaMBJuJI7Yfps5mliLmDyn7Z5A/4QCLi8\n"
		 "maQa6elWKLxk8vGyDC1+n1F3o8KU1EYimQ==\n"
		 "-----END EC PRIVATE KEY-----\n"},
	{"gnutls_aes128", PK_P256, "hunter2",
		 "-----BEGIN ENCRYPTED PRIVATE KEY-----\n"
		 "MIIBATBcBgkqhkiG9w0BBQ0wTzAuBgkqhkiG9w0BBQwwIQQO9XSY4wAGlk0dgoDU\n"
		 "qZ4CAwknwDAKBggqhkiG9w0CCTAdBglghkgBZQMEAQIEEFEYtqL38bpVguEtB57k\n"
		 "er0EgaDoK2Xaqjr9y7BYlESS/TC4bW/sufWMTuaIaU2PR2U7fTCTwv1DLeuUvt3z\n"
		 "vZQjAxU1n5vsRq6tb51ZkLhmxEfayR9ImY5EgzW/BUE0FsBUB5nhJSfYv2H0EfxX\n"
		 "uFQoFxhovX9JYFUm9RIB80FBd1o6UKXjYyYjLipLY5MDN6OFPv9eOEtE/nyde3d2\n"
		 "xAZz//2+ahsHEMiyJq6hLmrb/Ps2\n"
		 "-----END ENCRYPTED PRIVATE KEY-----\n"},
	{"gnutls_3des", PK_P256, "hunter2",
		 "-----BEGIN ENCRYPTED PRIVATE KEY-----\n"
		 "MIH2MFkGCSqGSIb3DQEFDTBMMDQGCSqGSIb3DQEFDDAnBBTUjmhvn957MPy0MlA0\n"
		 "Td4cam2cOwIDCSfAMAoGCCqGSIb3DQIJMBQGCCqGSIb3DQMHBAgOR6pD9t0ZFQSB\n"
		 "mEMZUD9jdyRfODigL1FHLaih58f1TVfanNP6h79qkgYDCWy7sBAf84TtLX1hgeSm\n"
		 "mIGUerAdqTlEHFo3N8vvNEE6w8ZPOMCfEdE1dajqufhet2ddhpVqNYCdarVLCGEx\n"
		 "+ItIrE6fiyXJOHeYhzT4rhcI1x5T6jH+D62a0FFeQHq0oXdrvlNdkyLYfV6Mt8qT\n"
		 "d12Glgz4PePt\n"
		 "-----END ENCRYPTED PRIVATE KEY-----\n"},
};

/* What is refused in words. */
static const struct {
	const char *name, *pem;
} refused_files[] = {
	{"scrypt",
		 "-----BEGIN ENCRYPTED PRIVATE KEY-----\n"
		 "MIHjME4GCSqGSIb3DQEFDTBBMCAGCSsGAQQB2kcECzATBAj5wntp3aCaVwIBAgIB\n"
		 "CAIBATAdBglghkgBZQMEASoEED5wqf1NgDiVJ9gbGsnlc00EgZAesvKjfubQcFm/\n"
		 "ealLfjWqs+kdeyxXefT9rcvgLZA1u1FSboUxy40MxqqA3dAIbXF8PEO6jwDownuU\n"
		 "a0sgHYKbHt77JPPU2BT/rPUDs8kN3AG1WE4FcqNBO4J1v9Bc9lM3w//mQht7FbSt\n"
		 "33ILn2DLJX8M0V3xcWRHqEZkdZCwttxRtDruJ33qJAcum/G16Ng=\n"
		 "-----END ENCRYPTED PRIVATE KEY-----\n"},
	{"pkcs12_pbe",
		 "-----BEGIN ENCRYPTED PRIVATE KEY-----\n"
		 "MIGwMBsGCiqGSIb3DQEMAQMwDQQIR40G8VHAXK4CAQEEgZAfyrTubObqVxkdz2JR\n"
		 "rWjTA4uZbc1xA0mDEjBhZdDx4B8AijDCBoXnAsfOgjuLDFz5flP0U/z9BbAaq7OS\n"
		 "iRFlIqlR/UJ4Wo1emJFT9Ho/ym7uQkqtvT38FHe3Db1mxefh/0O2FwmgzOffPImH\n"
		 "DtxI8iuSM68v5YDbSlx8uYZznMvjs+oS315NeSesWxy6ym0=\n"
		 "-----END ENCRYPTED PRIVATE KEY-----\n"},
	{"proc_type",
		 "-----BEGIN EC PRIVATE KEY-----\n"
		 "Proc-Type: 4,ENCRYPTED\n"
		 "DEK-Info: AES-128-CBC,77850D708E2284BD52434388A07B4E94\n"
		 "\n"
		 "y9puypEPeaIsoLZ1kL+ys4y29csfsviBBnz/4QskLisdoLCWgkCCWfekWN6ahMVN\n"
		 "r2JusZ0mHSUg/VQZO/R/AUoENyn+Slg2vjxs7a7oEhwwySQRTK8ASPqEMnlvkGQH\n"
		 "qNWHCc5dq6eQlj0LP5VZ4XuQC6KZP4818iol0MlgRdQ=\n"
		 "-----END EC PRIVATE KEY-----\n"},
	{"explicit_curve",
		 "-----BEGIN EC PRIVATE KEY-----\n"
		 "MIIBaAIBAQQgya+p2EW6dRZrXCFXZ7HWk05Qw9s26JsSe4piKxIPZyGggfowgfcC\n"
		 "AQEwLAYHKoZIzj0BAQIhAP////8AAAABAAAAAAAAAAAAAAAA////////////////\n"
		 "MFsEIP////8AAAABAAAAAAAAAAAAAAAA///////////////8BCBaxjXYqjqT57Pr\n"
		 "vVV2mIa8ZR0GsMxTsPY7zjw+J9JgSwMVAMSdNgiG5wSTamZ44ROdJreBn36QBEEE\n"
		 "axfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpZP40Li/hp/m47n60p8D54W\n"
		 "K84zV2sxXs7LtkBoN79R9QIhAP////8AAAAA//////////+85vqtpxeehPO5ysL8\n"
		 "YyVRAgEBoUQDQgAEYP7UuiVanTHJYet0xjVtaMBJuJI7Yfps5mliLmDyn7Z5A/4Q\n"
		 "CLi8maQa6elWKLxk8vGyDC1+n1F3o8KU1EYimQ==\n"
		 "-----END EC PRIVATE KEY-----\n"},
	{"ed25519",
		 "-----BEGIN PRIVATE KEY-----\n"
		 "MC4CAQAwBQYDK2VwBCIEIJINA3CLXk959OV30j1N/C9L/Dj25ZPOvIpvAzx6vjs3\n"
		 "-----END PRIVATE KEY-----\n"},
	{"secp256k1",
		 "-----BEGIN EC PRIVATE KEY-----\n"
		 "MHQCAQEEIIn8joVzkv5jh3JRiSKotNb45+L8CSvsOtgfywrIBI5/oAcGBSuBBAAK\n"
		 "oUQDQgAEeDkhUXBzpbRUUZP74YZU9zpGKpw4YVcKiNAftN0dh5YQt2lLMjCN+o6R\n"
		 "PoOvS7o2vIHKgph8QmCHSu2EMZBkBQ==\n"
		 "-----END EC PRIVATE KEY-----\n"},
	{"rsa1024",
		 "-----BEGIN RSA PRIVATE KEY-----\n"
		 "MIICXgIBAAKBgQCs1/CDFmumdoOYwtuFI4Ocrwo5N2i7fl6EqNUoRjGfA7S9CM0z\n"
		 "3X0kVP5TJzCpoHTJZHSR9NoHaMfKyxkpl27OLF4yCB2fCXtxlINV8465bkyXoIHU\n"
		 "SX9541T9pKBx0CyJFRJrcys7s+w1jTT7iY6QdLVpNTVBFJaNeGD/bcDGPwIDAQAB\n"
		 "AoGBAIm6MD5kmTc17LrHWqEGoZMyr5TUIDJ3Cd3voprLBDNPgq+22bzgWx2eVGHy\n"
		 "MoaYAzePQowjbbDFv55KpCxOLM3xTAM2T0KH+bGn2Uj+KRYWx/GJgSJKUv1ip37M\n"
		 "iqHO1sc2ecNKSvHHxZ1+ECUw1F6qQkixWdKPqGKyQH30t5ghAkEA3P1RklaDCtuJ\n"
		 "JqZVaqSTdZhrpIZrOIrdZ3FCSJ3f/puXpzbERPAb5twR3MSWHSVYQ+Qcl57x/uS6\n"
		 "OJzFkuCxJwJBAMg59gcnUJawLND9a7fWbj/aecO2QH0oxYREl1kZ1+H5x7mt/t61\n"
		 "B85wSLE0n3/V4gwL+67SEQkwg7utXIHawSkCQDTBMGDr0Bqeb+5PFOMBaMZQ3ZmI\n"
		 "ET6NP+96xSUKszdXs2tSkqYWX8LL1GPMdj189cY3RXAYnJKJzb7IBg5bH08CQQCb\n"
		 "0c+PfZ8Pxgb6lV2Q8cVW1/VOw7SoMmSULLUD2ELTT4mJDMl+E7ABjgxkK6m82HxU\n"
		 "F7dEM6KiXikGk0GcpNsRAkEAtxDoYwjSAG7b0HUFnTBJenbd8s2DJO5tViV5tICn\n"
		 "mDyUQ+EOR5uoGuICIwJOMjmZ4n0YKuf9WqPAhcTeGBq5IQ==\n"
		 "-----END RSA PRIVATE KEY-----\n"},
};

#endif
