/*
 * A stand-in for the CUDA runtime library, for machines without a GPU: the functions that CudaLibrary calls, over the host's memory.
 * It proves the calls: signatures, order, which thread chose which device, what is taken and given back, and what happens when one
 * fails. It proves nothing about CUDA itself, about its speed, or about what a driver does.
 *
 * It is stricter than CUDA where that finds mistakes: queued work is done when its stream is waited for and not before, so whoever
 * looks too early, or reuses memory too early, gets wrong bytes; copies from and to the host must use pinned memory; a stream may be
 * used only while its device is the thread's; while something records, other threads may take and give back nothing.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { INVALID_VALUE = 1, OUT_OF_MEMORY = 2, INVALID_DEVICE = 101, INVALID_HANDLE = 400, CAPTURE_IMPLICIT = 906 };
enum { DEVICES = 2, REGIONS = 1024, KINDS = 2, HOST = 0, DEVICE = 1 };

typedef struct Work {
    void *to;
    const void *from; /* null: zero it */
    size_t bytes;
    struct Work *next;
} Work;

typedef struct {
    int device;
    Work *first;
} Stream;

typedef struct {
    char *start;
    size_t bytes;
    int kind;
    int device;
} Region;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static Region regions[REGIONS];
static size_t total = 1u << 30;
static size_t taken;
static int streams;
static int last_error;
static int recording;
static pthread_t recorder;
static char failing[64];
static int failing_code;
static __thread int current;

/* What tests ask and set. */

void standin_total(size_t bytes) { total = bytes; }

int standin_streams(void) { return streams; }

int standin_last_error(void) { return last_error; }

int standin_regions(int kind) {
    int count = 0;
    for (int i = 0; i < REGIONS; i++) {
        count += regions[i].start != NULL && regions[i].kind == kind;
    }
    return count;
}

void standin_record(int on) {
    recorder = pthread_self();
    recording = on;
}

/* The next call of the function fails. */
void standin_fail(const char *function, int code) {
    strncpy(failing, function, sizeof failing - 1);
    failing_code = code;
}

static int result(int code) {
    if (code != 0) {
        last_error = code;
    }
    return code;
}

static int fails(const char *function) {
    if (failing_code == 0 || strcmp(function, failing) != 0) {
        return 0;
    }
    int code = failing_code;
    failing_code = 0;
    return result(code);
}

static int disturbs(void) { return recording && !pthread_equal(recorder, pthread_self()); }

static int inside(const void *start, size_t bytes, int kind) {
    for (int i = 0; i < REGIONS; i++) {
        const Region *r = &regions[i];
        const char *from = start;
        if (r->start != NULL && r->kind == kind && from >= r->start && from + bytes <= r->start + r->bytes) {
            return kind == HOST || r->device == current;
        }
    }
    return 0;
}

static int take(void **out, size_t bytes, int kind) {
    int code = OUT_OF_MEMORY;
    pthread_mutex_lock(&lock);
    if (disturbs()) {
        code = CAPTURE_IMPLICIT;
    } else if (bytes <= total - taken) {
        for (int i = 0; i < REGIONS; i++) {
            if (regions[i].start == NULL) {
                regions[i].start = aligned_alloc(4096, (bytes + 4095) / 4096 * 4096);
                memset(regions[i].start, 0xAA, bytes);
                regions[i].bytes = bytes;
                regions[i].kind = kind;
                regions[i].device = current;
                taken += bytes;
                *out = regions[i].start;
                code = 0;
                break;
            }
        }
    }
    pthread_mutex_unlock(&lock);
    return result(code);
}

static int give_back(void *start, int kind) {
    int code = INVALID_VALUE;
    pthread_mutex_lock(&lock);
    if (disturbs()) {
        code = CAPTURE_IMPLICIT;
    } else {
        for (int i = 0; i < REGIONS; i++) {
            if (regions[i].start == start && start != NULL && regions[i].kind == kind) {
                taken -= regions[i].bytes;
                free(regions[i].start);
                regions[i].start = NULL;
                code = 0;
            }
        }
    }
    pthread_mutex_unlock(&lock);
    return result(code);
}

static int queue(Stream *stream, void *to, const void *from, size_t bytes) {
    if (stream->device != current) {
        return result(INVALID_HANDLE);
    }
    Work *work = malloc(sizeof *work);
    *work = (Work){to, from, bytes, NULL};
    Work **end = &stream->first;
    while (*end != NULL) {
        end = &(*end)->next;
    }
    *end = work;
    return 0;
}

/* The CUDA runtime's functions. */

int cudaGetDeviceCount(int *count) {
    *count = DEVICES;
    return fails("cudaGetDeviceCount");
}

int cudaSetDevice(int device) {
    if (device < 0 || device >= DEVICES) {
        return result(INVALID_DEVICE);
    }
    current = device;
    return 0;
}

int cudaDriverGetVersion(int *version) {
    *version = 13010;
    return 0;
}

int cudaRuntimeGetVersion(int *version) {
    *version = 13000;
    return 0;
}

int cudaDeviceGetAttribute(int *value, int attribute, int device) {
    if (device < 0 || device >= DEVICES) {
        return result(INVALID_DEVICE);
    }
    *value = attribute == 75 ? 9 : attribute == 76 ? 0 : attribute == 16 ? 132 + device : -1;
    return 0;
}

int cudaGetDeviceProperties(char *properties, int device) {
    if (device < 0 || device >= DEVICES) {
        return result(INVALID_DEVICE);
    }
    strcpy(properties, device == 0 ? "Stand-in A" : "Stand-in B");
    return 0;
}

int cudaMemGetInfo(size_t *free_bytes, size_t *total_bytes) {
    *free_bytes = total - taken;
    *total_bytes = total;
    return 0;
}

int cudaMalloc(void **out, size_t bytes) {
    int code = fails("cudaMalloc");
    return code != 0 ? code : take(out, bytes, DEVICE);
}

int cudaFree(void *start) { return give_back(start, DEVICE); }

int cudaMallocHost(void **out, size_t bytes) { return take(out, bytes, HOST); }

int cudaFreeHost(void *start) { return give_back(start, HOST); }

int cudaMemcpyAsync(void *to, const void *from, size_t bytes, int kind, Stream *stream) {
    int code = fails("cudaMemcpyAsync");
    if (code != 0) {
        return code;
    }
    pthread_mutex_lock(&lock);
    int known = inside(to, bytes, kind == 2 ? HOST : DEVICE) && inside(from, bytes, kind == 1 ? HOST : DEVICE);
    pthread_mutex_unlock(&lock);
    return known ? queue(stream, to, from, bytes) : result(INVALID_VALUE);
}

int cudaMemsetAsync(void *to, int value, size_t bytes, Stream *stream) {
    pthread_mutex_lock(&lock);
    int known = value == 0 && inside(to, bytes, DEVICE);
    pthread_mutex_unlock(&lock);
    return known ? queue(stream, to, NULL, bytes) : result(INVALID_VALUE);
}

int cudaStreamCreateWithFlags(Stream **out, int flags) {
    if (flags != 1) {
        return result(INVALID_VALUE);
    }
    *out = calloc(1, sizeof **out);
    (*out)->device = current;
    pthread_mutex_lock(&lock);
    streams++;
    pthread_mutex_unlock(&lock);
    return 0;
}

int cudaStreamSynchronize(Stream *stream) {
    int code = fails("cudaStreamSynchronize");
    if (code != 0 || stream->device != current) {
        return code != 0 ? code : result(INVALID_HANDLE);
    }
    while (stream->first != NULL) {
        Work *work = stream->first;
        if (work->from != NULL) {
            memcpy(work->to, work->from, work->bytes);
        } else {
            memset(work->to, 0, work->bytes);
        }
        stream->first = work->next;
        free(work);
    }
    return 0;
}

int cudaStreamDestroy(Stream *stream) {
    if (stream->device != current || stream->first != NULL) {
        return result(INVALID_HANDLE);
    }
    free(stream);
    pthread_mutex_lock(&lock);
    streams--;
    pthread_mutex_unlock(&lock);
    return 0;
}

int cudaGetLastError(void) {
    int code = last_error;
    last_error = 0;
    return code;
}

const char *cudaGetErrorName(int code) {
    return code == OUT_OF_MEMORY ? "cudaErrorMemoryAllocation" : code == 700 ? "cudaErrorIllegalAddress" : "cudaErrorOther";
}

const char *cudaGetErrorString(int code) { return code == 700 ? "an illegal memory access was encountered" : "stand-in"; }
