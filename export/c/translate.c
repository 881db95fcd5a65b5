/* Runs a signature of an exported SavedModel without Python; README.md says how it is built and used.
   Tensors of floats are .npy files, format 1.0; a file of any other kind is one string, as it is. */

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tensorflow/c/c_api.h>
#include <tensorflow/c/tf_tstring.h>

#define FAIL(...) (fprintf(stderr, "translate: " __VA_ARGS__), fputc('\n', stderr), exit(1))

enum { MAX_INPUTS = 8, MAX_RANK = 8 };

typedef struct { const char *data; size_t size; } Bytes;

/* Protocol buffers: a message is a row of fields, each a tag (number << 3 | type) and a varint (type 0), 8 bytes (1), a
   length and as many bytes (2), or 4 bytes (5). What next_... returns is taken off the message's front. */
static bool next_varint(Bytes *message, uint64_t *value) {
    *value = 0;
    for (int shift = 0; shift < 64 && message->size > 0; shift += 7) {
        uint8_t byte = (uint8_t)*message->data++;
        message->size--;
        *value |= (uint64_t)(byte & 127) << shift;
        if (byte < 128) return true;
    }
    return false;
}

static bool next_field(Bytes *message, uint64_t number, Bytes *field) {
    for (uint64_t tag, value = 0; next_varint(message, &tag);) {
        uint64_t type = tag & 7;
        if ((type == 0 || type == 2) && !next_varint(message, &value)) return false;
        uint64_t size = type == 2 ? value : type == 1 ? 8 : type == 5 ? 4 : 0;
        if (size > message->size) return false;
        *field = (Bytes){message->data, size};
        *message = (Bytes){message->data + size, message->size - size};
        if (tag == (number << 3 | 2)) return true;
    }
    return false;
}

static bool next_entry(Bytes *message, uint64_t number, Bytes *key, Bytes *value) { /* of a map: key = 1, value = 2 */
    Bytes entry;
    return next_field(message, number, &entry) && next_field(&entry, 1, key) && next_field(&entry, 2, value);
}

static bool find_entry(Bytes message, uint64_t number, const char *wanted, Bytes *value) {
    for (Bytes key; next_entry(&message, number, &key, value);)
        if (key.size == strlen(wanted) && memcmp(key.data, wanted, key.size) == 0) return true;
    return false;
}

static _Noreturn void fail_with_keys(const char *what, Bytes message, uint64_t number) {
    fprintf(stderr, "translate: %s", what);
    for (Bytes key, value; next_entry(&message, number, &key, &value);)
        if (key.data[0] != '_') fprintf(stderr, " %.*s", (int)key.size, key.data);
    fputc('\n', stderr);
    exit(1);
}

static TF_Output find_tensor(TF_Graph *graph, Bytes info) { /* TensorInfo.name = 1: "serving_default_image:0" */
    Bytes name = {"", 0};
    char text[512], operation[512] = "";
    int index = 0;
    next_field(&info, 1, &name);
    snprintf(text, sizeof text, "%.*s", (int)name.size, name.data);
    sscanf(text, "%511[^:]:%d", operation, &index);
    return (TF_Output){TF_GraphOperationByName(graph, operation), index};
}

static TF_Tensor *read_tensor(const char *path) {
    FILE *file = fopen(path, "rb");
    if (!file || fseek(file, 0, SEEK_END) != 0) FAIL("%s: %s", path, strerror(errno));
    size_t size = (size_t)ftell(file), rank = 0;
    char *data = calloc(size + 1, 1);
    rewind(file);
    if (!data || fread(data, 1, size, file) != size) FAIL("%s: %s", path, strerror(errno));
    fclose(file);
    if (size < 12 || memcmp(data, "\x93NUMPY\x01", 7) != 0) {
        TF_Tensor *tensor = TF_AllocateTensor(TF_STRING, (int64_t[]){1}, 1, sizeof(TF_TString));
        TF_StringInit(TF_TensorData(tensor));
        TF_StringCopy(TF_TensorData(tensor), data, size);
        return tensor;
    }
    char *header = data + 10, *at = strstr(header, "'shape': (");
    if (!at || !strstr(header, "'<f4'") || !strstr(header, "False")) FAIL("%s: expected float32 in C order", path);
    int64_t shape[MAX_RANK];
    size_t start = 10 + (uint8_t)data[8] + 256 * (size_t)(uint8_t)data[9];
    double bytes = sizeof(float); /* which can't overflow */
    for (at += strlen("'shape': ("); rank < MAX_RANK && *at >= '0' && *at <= '9'; at += strspn(at, ", "))
        bytes *= (double)(shape[rank++] = strtoll(at, &at, 10));
    if ((double)start + bytes != (double)size) FAIL("%s: damaged .npy file", path);
    TF_Tensor *tensor = TF_AllocateTensor(TF_FLOAT, shape, (int)rank, size - start);
    memcpy(TF_TensorData(tensor), data + start, size - start);
    return tensor;
}

static void write_tensor(const char *path, TF_Tensor *tensor) {
    FILE *file = fopen(path, "wb");
    if (!file) FAIL("%s: %s", path, strerror(errno));
    if (TF_TensorType(tensor) == TF_STRING) {
        const TF_TString *first = TF_TensorData(tensor);
        fwrite(TF_StringGetDataPointer(first), 1, TF_StringGetSize(first), file);
    } else { /* 256 bytes with the shape, then the numbers */
        const char *type = TF_TensorType(tensor) == TF_FLOAT ? "<f4" : "|u1";
        int n = fprintf(file, "\x93NUMPY\x01%c\xf6%c{'descr': '%s', 'fortran_order': False, 'shape': (", 0, 0, type);
        for (int k = 0; k < TF_NumDims(tensor); k++) n += fprintf(file, "%lld, ", (long long)TF_Dim(tensor, k));
        fprintf(file, ")}%*s", 254 - n, "\n");
        fwrite(TF_TensorData(tensor), 1, TF_TensorByteSize(tensor), file);
    }
    if (fclose(file) != 0) FAIL("%s: %s", path, strerror(errno));
}

int main(int argc, char **argv) {
    if (argc < 4) FAIL("usage: translate EXPORT_DIR IN OUT [SIGNATURE] [NAME=FILE.npy ...]");
    TF_Tensor *in = read_tensor(argv[2]), *values[MAX_INPUTS], *result = NULL;
    int first = argc > 4 && !strchr(argv[4], '=') ? 5 : 4, count = 0, named = 0;
    const char *wanted = first == 5 ? argv[4] : TF_TensorType(in) == TF_FLOAT ? "serving_default" : "serve_bytes";
    TF_Status *status = TF_NewStatus();
    TF_Graph *graph = TF_NewGraph();
    TF_Buffer *meta_graph = TF_NewBuffer(); /* a MetaGraphDef; its signature_def = 5 */
    TF_Session *session = TF_LoadSessionFromSavedModel(TF_NewSessionOptions(), NULL, argv[1], (const char *[]){"serve"},
                                                       1, graph, meta_graph, status);
    if (TF_GetCode(status) != TF_OK) FAIL("%s", TF_Message(status));
    Bytes meta = {meta_graph->data, meta_graph->length}, signature, name, info;
    if (!find_entry(meta, 5, wanted, &signature)) fail_with_keys("no such signature; there are", meta, 5);

    TF_Output inputs[MAX_INPUTS], output; /* SignatureDef.inputs = 1, .outputs = 2 */
    for (Bytes rest = signature; count < MAX_INPUTS && next_entry(&rest, 1, &name, &info); count++) {
        inputs[count] = find_tensor(graph, info);
        values[count] = in;
        for (int k = first; k < argc; k++)
            if (strncmp(argv[k], name.data, name.size) == 0 && argv[k][name.size] == '=')
                values[count] = read_tensor(argv[k] + name.size + 1), named++;
    }
    if (named != argc - first || named != count - 1)
        fail_with_keys("expected one input in IN, all others as NAME=FILE.npy; there are", signature, 1);
    if (!find_entry(signature, 2, "image", &info) && !find_entry(signature, 2, "image_bytes", &info))
        fail_with_keys("expected an output image or image_bytes; there are", signature, 2);
    output = find_tensor(graph, info);
    TF_SessionRun(session, NULL, inputs, values, count, &output, &result, 1, NULL, 0, NULL, status);
    if (TF_GetCode(status) != TF_OK) FAIL("%s", TF_Message(status));
    write_tensor(argv[3], result);
    return 0;
}
