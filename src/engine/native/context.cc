// The context of TensorFlow that the binding makes, with settings that it has no way to ask for.
//
// auto-ref.h, which is read before the binding's sources, has them call this in place of TFE_NewContext.
#undef TFE_NewContext
#include <cstdlib>
#include <cstring>

#include "tensorflow/c/eager/c_api.h"

extern "C" TFE_Context* scorestream_new_context(const TFE_ContextOptions* options, TF_Status* status) {
  const char* layout = getenv("SCORESTREAM_LAYOUT");
  if (layout != nullptr && strcmp(layout, "nhwc") == 0) {
    // A ConfigProto: graph_options (10) { rewrite_options (10) { layout_optimizer (1): OFF (2) } }.
    const unsigned char config[] = {0x52, 0x04, 0x52, 0x02, 0x08, 0x02};
    TFE_ContextOptionsSetConfig(const_cast<TFE_ContextOptions*>(options), config, sizeof config, status);
    if (TF_GetCode(status) != TF_OK) return nullptr;
  }
  return TFE_NewContext(options, status);
}
