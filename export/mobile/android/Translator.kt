package tfi2i

import android.content.res.AssetManager
import android.graphics.Bitmap
import android.graphics.Canvas
import android.graphics.Color
import android.graphics.Matrix
import android.graphics.Paint
import android.os.Build
import com.google.ai.edge.litert.Accelerator
import com.google.ai.edge.litert.CompiledModel
import com.google.ai.edge.litert.LiteRtException
import java.io.File
import java.io.IOException
import java.util.Random
import kotlin.math.max
import kotlin.math.roundToInt
import org.json.JSONArray
import org.json.JSONException
import org.json.JSONObject

/** What went wrong, in a sentence that says what was expected. */
class TranslatorException(message: String, cause: Throwable? = null) : Exception(message, cause)

/** The description of a LiteRT file, from the .json beside it. */
class Metadata(json: JSONObject) {
    val name: String = json.getString("name")
    val way: String = json.getString("way")
    val quantization: String = json.getString("quantization")
    val licence: String = json.getString("licence")
    val inputs: List<Entry> = json.getJSONArray("inputs").map { Entry(getJSONObject(it)) }
    val outputs: List<Entry> = json.getJSONArray("outputs").map { Entry(getJSONObject(it)) }

    /** One input or output. A size that the file leaves open is 0. */
    class Entry(json: JSONObject) {
        val name: String = json.getString("name")
        val kind: String = json.getString("kind")
        val shape: List<Int> = json.getJSONArray("shape").map { optInt(it) }
        val range: List<Float> = json.optJSONArray("range").map { getDouble(it).toFloat() }
        val labels: List<String> = names(json.optJSONArray("labels"))
        val exclusive: List<List<String>> = json.optJSONArray("exclusive").map { names(getJSONArray(it)) }
        val sets: List<List<String>> = json.optJSONArray("sets").map { names(getJSONArray(it)) }
        val size: Int = shape.fold(1) { product, length -> product * length }
    }

    private companion object {
        fun <T> JSONArray?.map(element: JSONArray.(Int) -> T): List<T> =
            if (this == null) emptyList() else List(length()) { element(it) }

        fun names(array: JSONArray?): List<String> = array.map { getString(it) }
    }
}

/**
 * A LiteRT file of a tfi2i export: bitmaps in, bitmaps out.
 *
 * One call runs at a time. Opening and translating take long: do both on a thread of your own, and always the same one,
 * since a GPU's driver may bind a network to the thread that made it.
 */
class Translator private constructor(
    private val model: CompiledModel,
    val metadata: Metadata,
    /** What the network runs on. */
    val accelerator: Accelerator
) : AutoCloseable {
    private val inputs = metadata.inputs.associate { it.name to model.createInputBuffer(it.name, SIGNATURE) }
    private val outputs = metadata.outputs.associate { it.name to model.createOutputBuffer(it.name, SIGNATURE) }

    private val advice =
        if (accelerator == Accelerator.CPU) "compare the file with the export's SHA256SUMS" else "try Accelerator.CPU"

    /**
     * Translates a picture's middle, in the proportions and the size of the network's image.
     *
     * @param picture upright; null for a network that takes no image
     * @param codes the other inputs by name, from [normal] and [labels]
     */
    fun translate(picture: Bitmap?, codes: Map<String, FloatArray> = emptyMap()): Bitmap {
        val input = metadata.inputs.find { it.kind == "image" }
        val image = if (picture == null || input == null) emptyMap() else mapOf(input.name to toFloats(picture, input))
        val output = metadata.outputs.first { it.kind == "image" }
        return toBitmap(run(image + codes).getValue(output.name), output)
    }

    /** Runs the network on numbers as its description has them: images are rows from the top, R G B, in their range. */
    @Synchronized
    fun run(given: Map<String, FloatArray>): Map<String, FloatArray> {
        if (given.keys != inputs.keys) {
            fail("inputs ${given.keys} (expected ${inputs.keys}); codes come from normal() and labels()")
        }
        for (input in metadata.inputs) {
            val values = given.getValue(input.name)
            if (values.size != input.size) {
                fail("${values.size} numbers for ${input.name} (expected ${input.size}, of shape ${input.shape})")
            }
        }
        try {
            for ((name, values) in given) inputs.getValue(name).writeFloat(values)
            model.run(inputs, outputs, SIGNATURE)
            return metadata.outputs.associate { it.name to checked(it, outputs.getValue(it.name).readFloat()) }
        } catch (error: LiteRtException) {
            throw TranslatorException("$accelerator failed: ${error.message}; $advice", error)
        }
    }

    /** Standard normal numbers for the input of that name: a random style, or noise. */
    fun normal(name: String, random: Random = Random()): FloatArray =
        FloatArray(input(name).size) { random.nextGaussian().toFloat() }

    /**
     * The numbers of the input "label": 1 for each label that the result shall have, and 0 for the rest.
     *
     * @param set of a network for several data sets the number of the one whose labels are meant
     */
    fun labels(present: Set<String>, set: Int = 0): FloatArray {
        val input = input("label")
        val known = input.sets.getOrNull(set) ?: fail("set $set (expected 0 to ${input.sets.size - 1})")
        if (!known.containsAll(present)) fail("labels $present (expected some of $known)")
        for (group in input.exclusive) {
            if (group.count { it in present } > 1) fail("labels $present (expected one at most of $group)")
        }
        val values = input.labels.map { it in present }
        val mask = if (input.sets.size > 1) input.sets.indices.map { it == set } else emptyList()
        return (values + mask).map { if (it) 1f else 0f }.toFloatArray()
    }

    override fun close() {
        (inputs.values + outputs.values).forEach { it.close() }
        model.close()
    }

    private fun input(name: String) =
        metadata.inputs.find { it.name == name } ?: fail("input $name (expected one of ${inputs.keys})")

    private fun checked(output: Metadata.Entry, values: FloatArray): FloatArray {
        if (values.size != output.size) {
            fail("${values.size} numbers of ${output.name} (expected ${output.size}); take the .json of this .tflite")
        }
        if (values.any { it.isNaN() || it.isInfinite() }) {
            fail("$accelerator computed nan or inf for ${output.name} (expected numbers); $advice")
        }
        return values
    }

    companion object {
        private const val SIGNATURE = "serving_default"
        private val FLOATS = setOf("float32", "float16")

        /**
         * Opens a file among the app's assets, which have its .json beside it.
         *
         * @param file such as "facades.float32.tflite"
         * @param accelerators tried in this order; by default GPU and CPU, or CPU alone for a quantised file
         * @param threads of the CPU
         * @throws TranslatorException where the file or its .json is missing or damaged, or no accelerator takes it
         */
        fun fromAssets(
            assets: AssetManager,
            file: String,
            accelerators: List<Accelerator>? = null,
            threads: Int = 4
        ): Translator {
            val metadata = described(file) { assets.open(beside(file)).bufferedReader().use { it.readText() } }
            return opened(file, metadata, accelerators, threads) { CompiledModel.create(assets, file, it) }
        }

        /** The same of a file on disk, such as one that was downloaded; its .json lies beside it. */
        fun fromFile(file: File, accelerators: List<Accelerator>? = null, threads: Int = 4): Translator {
            val metadata = described(file.path) { File(beside(file.path)).readText() }
            return opened(file.path, metadata, accelerators, threads) { CompiledModel.create(file.path, it) }
        }

        private fun beside(file: String) = file.removeSuffix(".tflite") + ".json"

        private fun described(file: String, read: () -> String): Metadata {
            val metadata = try {
                Metadata(JSONObject(read()))
            } catch (error: IOException) {
                throw TranslatorException("no ${beside(file)} (expected beside $file; the export has both)", error)
            } catch (error: JSONException) {
                throw TranslatorException("${beside(file)} is not the description of a LiteRT file of tfi2i", error)
            }
            if (metadata.inputs.any { it.size == 0 }) {
                fail("$file leaves the size of its images open (expected one size); export it with --size=HxW")
            }
            return metadata
        }

        private fun opened(
            file: String,
            metadata: Metadata,
            accelerators: List<Accelerator>?,
            threads: Int,
            create: (CompiledModel.Options) -> CompiledModel
        ): Translator {
            val gpu = if (metadata.quantization in FLOATS) listOf(Accelerator.GPU) else emptyList()
            val order = accelerators ?: gpu + Accelerator.CPU
            var reason: LiteRtException? = null
            for (accelerator in order) {
                try {
                    val model = create(options(accelerator, threads))
                    try {
                        return Translator(model, metadata, accelerator)
                    } catch (error: LiteRtException) {
                        model.close()
                        throw error
                    }
                } catch (error: LiteRtException) {
                    reason = error
                }
            }
            val advice = if (Accelerator.CPU in order) "compare it with SHA256SUMS" else "add Accelerator.CPU"
            throw TranslatorException("$file doesn't open on $order: ${reason?.message}; $advice", reason)
        }

        /** Of one accelerator alone: LiteRT refuses what it doesn't take, instead of splitting the network. */
        private fun options(accelerator: Accelerator, threads: Int) = CompiledModel.Options(accelerator).apply {
            cpuOptions = CompiledModel.CpuOptions(numThreads = threads)
            // Norms take means over all pixels; in 16 bits their sums can overflow at 65504, and the picture is NaN.
            gpuOptions = CompiledModel.GpuOptions(precision = CompiledModel.GpuOptions.Precision.FP32)
        }

        private fun fail(message: String): Nothing = throw TranslatorException(message)

        /** The picture's middle at the size of an input, as numbers in its range. */
        internal fun toFloats(picture: Bitmap, input: Metadata.Entry): FloatArray {
            val (_, height, width, channels) = input.shape
            val (low, high) = input.range
            val pixels = IntArray(width * height)
            cropped(picture, width, height).getPixels(pixels, 0, width, 0, 0, width, height)
            return FloatArray(input.size) { k ->
                val pixel = pixels[k / channels]
                val level = if (channels == 3) pixel shr (16 - 8 * (k % 3)) and 255 else luma(pixel)
                level * ((high - low) / 255) + low
            }
        }

        private fun luma(pixel: Int) =
            (0.299f * Color.red(pixel) + 0.587f * Color.green(pixel) + 0.114f * Color.blue(pixel)).roundToInt()

        private fun cropped(picture: Bitmap, width: Int, height: Int): Bitmap {
            val hardware = Build.VERSION.SDK_INT >= 26 && picture.config == Bitmap.Config.HARDWARE
            var source = if (hardware) picture.copy(Bitmap.Config.ARGB_8888, false) else picture
            // A Canvas looks at four pixels for each that it draws: on the way to a small image it would skip most.
            while (source.width >= 2 * width && source.height >= 2 * height) {
                source = Bitmap.createScaledBitmap(source, source.width / 2, source.height / 2, true)
            }
            val scale = max(width.toFloat() / source.width, height.toFloat() / source.height)
            val place = Matrix()
            place.setScale(scale, scale)
            place.postTranslate((width - scale * source.width) / 2, (height - scale * source.height) / 2)
            val image = Bitmap.createBitmap(width, height, Bitmap.Config.ARGB_8888)
            val canvas = Canvas(image)
            canvas.drawColor(Color.WHITE) // behind what is transparent
            canvas.drawBitmap(source, place, Paint(Paint.FILTER_BITMAP_FLAG))
            return image
        }

        /** Numbers of an output in its range as a picture, rounded to 8 bits. */
        internal fun toBitmap(floats: FloatArray, output: Metadata.Entry): Bitmap {
            val (_, height, width, channels) = output.shape
            val (low, high) = output.range
            fun level(k: Int) = ((floats[k] - low) / (high - low) * 255).roundToInt().coerceIn(0, 255)
            val pixels = IntArray(width * height) { pixel ->
                val k = pixel * channels
                if (channels == 3) Color.rgb(level(k), level(k + 1), level(k + 2))
                else Color.rgb(level(k), level(k), level(k))
            }
            return Bitmap.createBitmap(pixels, width, height, Bitmap.Config.ARGB_8888)
        }
    }
}
