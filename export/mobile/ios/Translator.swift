import CoreGraphics
import CoreImage
import CoreVideo
import Foundation
import ImageIO
import TensorFlowLite

/// What went wrong, in a sentence that says what was expected.
public struct TranslatorError: LocalizedError {
  public let message: String
  public var errorDescription: String? { message }

  init(_ message: String) {
    self.message = message
  }
}

/// The description of a LiteRT file, from the .json beside it.
public struct Metadata: Decodable {
  public let name: String
  public let way: String
  public let quantization: String
  public let licence: String
  public let inputs: [Entry]
  public let outputs: [Entry]

  /// One input or output.
  public struct Entry: Decodable {
    public let name: String
    public let kind: String
    /// nil is a size that the file leaves open.
    public let shape: [Int?]
    public let range: [Float]?
    public let labels: [String]?
    public let exclusive: [[String]]?
    public let sets: [[String]]?

    public var size: Int { shape.reduce(1) { $0 * ($1 ?? 0) } }

    var image: (height: Int, width: Int, channels: Int) { (shape[1] ?? 0, shape[2] ?? 0, shape[3] ?? 0) }
    var low: Float { range?.first ?? -1 }
    var high: Float { range?.last ?? 1 }
  }
}

/// A LiteRT file of a tfi2i export: images in, images out.
///
/// Not thread-safe, and slow: make it and call it on one serial queue, not the main one.
public final class Translator {
  public let metadata: Metadata
  private let runner: SignatureRunner
  private let context = CIContext()
  private static let signature = "serving_default"
  private static let colours = CGColorSpace(name: CGColorSpace.sRGB)!

  /// - Parameters:
  ///   - file: such as facades.float32.tflite, with its .json beside it.
  ///   - threads: of the CPU.
  ///   - delegates: such as `[MetalDelegate()]`; what they don't take runs on the CPU.
  /// - Throws: `TranslatorError` where the file or its .json is missing or damaged.
  public init(file: URL, threads: Int = 2, delegates: [Delegate] = []) throws {
    metadata = try Translator.metadata(beside: file)
    var options = Interpreter.Options()
    options.threadCount = threads
    options.isXNNPackEnabled = true
    do {
      let interpreter = try Interpreter(modelPath: file.path, options: options, delegates: delegates)
      runner = try interpreter.signatureRunner(with: Translator.signature)
    } catch {
      let advice = delegates.isEmpty ? "compare it with the export's SHA256SUMS" : "try without delegates"
      throw TranslatorError("\(file.lastPathComponent) doesn't open: \(error.localizedDescription); \(advice)")
    }
  }

  /// Translates a picture's middle, in the proportions and the size of the network's image.
  ///
  /// - Parameters:
  ///   - picture: upright; nil for a network that takes no image.
  ///   - codes: the other inputs by name, from `normal` and `labels`.
  public func translate(_ picture: CGImage?, codes: [String: [Float]] = [:]) throws -> CGImage {
    var given = codes
    if let picture = picture, let input = metadata.inputs.first(where: { $0.kind == "image" }) {
      given[input.name] = try Translator.floats(of: picture, for: input)
    }
    guard let output = metadata.outputs.first(where: { $0.kind == "image" }),
      let floats = try run(given)[output.name]
    else { throw TranslatorError("\(metadata.name) has no image among its outputs (expected one)") }
    return try Translator.image(of: floats, for: output)
  }

  /// The same of a camera's frame.
  public func translate(
    _ frame: CVPixelBuffer, orientation: CGImagePropertyOrientation = .up, codes: [String: [Float]] = [:]
  ) throws -> CGImage {
    let upright = CIImage(cvPixelBuffer: frame).oriented(orientation)
    guard let picture = context.createCGImage(upright, from: upright.extent) else {
      throw TranslatorError("a frame that Core Image cannot draw (expected one of the camera, such as 32BGRA)")
    }
    return try translate(picture, codes: codes)
  }

  /// Runs the network on numbers as its description has them: images are rows from the top, R G B, in their range.
  public func run(_ given: [String: [Float]]) throws -> [String: [Float]] {
    let expected = metadata.inputs.map(\.name)
    guard Set(given.keys) == Set(expected) else {
      throw TranslatorError(
        "inputs \(given.keys.sorted()) (expected \(expected)); codes come from normal() and labels()")
    }
    var inputs: [String: Data] = [:]
    for input in metadata.inputs {
      let values = given[input.name] ?? []
      guard values.count == input.size else {
        throw TranslatorError("\(values.count) numbers for \(input.name) (expected \(input.size))")
      }
      inputs[input.name] = values.withUnsafeBufferPointer { Data(buffer: $0) }
    }
    try runner.invoke(with: inputs)
    var outputs: [String: [Float]] = [:]
    for output in metadata.outputs {
      let data = try runner.output(named: output.name).data
      outputs[output.name] = try checked(data.withUnsafeBytes { Array($0.bindMemory(to: Float.self)) }, output)
    }
    return outputs
  }

  /// Standard normal numbers for the input of that name: a random style, or noise.
  public func normal(_ name: String) throws -> [Float] {
    var generator = SystemRandomNumberGenerator()
    return try normal(name, using: &generator)
  }

  /// The same numbers again, from a generator with a seed of your own.
  public func normal<G: RandomNumberGenerator>(_ name: String, using generator: inout G) throws -> [Float] {
    try (0..<input(name).size).map { _ -> Float in
      let radius = (-2 * log(1 - Float.random(in: 0..<1, using: &generator))).squareRoot()
      return radius * cos(2 * .pi * Float.random(in: 0..<1, using: &generator))  // Box-Muller
    }
  }

  /// The numbers of the input "label": 1 for each label that the result shall have, and 0 for the rest.
  ///
  /// - Parameter set: of a network for several data sets the number of the one whose labels are meant.
  public func labels(_ present: Set<String>, set: Int = 0) throws -> [Float] {
    let input = try self.input("label")
    let sets = input.sets ?? []
    guard sets.indices.contains(set) else { throw TranslatorError("set \(set) (expected 0 to \(sets.count - 1))") }
    guard present.isSubset(of: sets[set]) else {
      throw TranslatorError("labels \(present.sorted()) (expected some of \(sets[set]))")
    }
    for group in input.exclusive ?? [] where present.intersection(group).count > 1 {
      throw TranslatorError("labels \(present.sorted()) (expected one at most of \(group))")
    }
    let values: [Float] = (input.labels ?? []).map { present.contains($0) ? 1 : 0 }
    let mask: [Float] = sets.count > 1 ? sets.indices.map { $0 == set ? 1 : 0 } : []
    return values + mask
  }

  private func input(_ name: String) throws -> Metadata.Entry {
    guard let found = metadata.inputs.first(where: { $0.name == name }) else {
      throw TranslatorError("input \(name) (expected one of \(metadata.inputs.map(\.name)))")
    }
    return found
  }

  private func checked(_ values: [Float], _ output: Metadata.Entry) throws -> [Float] {
    guard values.count == output.size else {
      throw TranslatorError(
        "\(values.count) numbers of \(output.name) (expected \(output.size)); take the .json of this .tflite")
    }
    guard values.allSatisfy(\.isFinite) else {
      throw TranslatorError("nan or inf for \(output.name) (expected numbers); try without delegates")
    }
    return values
  }

  private static func metadata(beside file: URL) throws -> Metadata {
    let json = file.deletingPathExtension().appendingPathExtension("json")
    guard let content = try? Data(contentsOf: json) else {
      throw TranslatorError(
        "no \(json.lastPathComponent) (expected beside \(file.lastPathComponent); the export has both)")
    }
    guard let metadata = try? JSONDecoder().decode(Metadata.self, from: content) else {
      throw TranslatorError("\(json.lastPathComponent) is not the description of a LiteRT file of tfi2i")
    }
    guard metadata.inputs.allSatisfy({ $0.size > 0 }) else {
      throw TranslatorError(
        "\(file.lastPathComponent) leaves the size of its images open (expected one size); export it with --size=HxW")
    }
    return metadata
  }

  /// The picture's middle at the size of an input, as numbers in its range.
  static func floats(of picture: CGImage, for input: Metadata.Entry) throws -> [Float] {
    let (height, width, channels) = input.image
    let scale = max(CGFloat(width) / CGFloat(picture.width), CGFloat(height) / CGFloat(picture.height))
    let size = CGSize(width: scale * CGFloat(picture.width), height: scale * CGFloat(picture.height))
    let corner = CGPoint(x: (CGFloat(width) - size.width) / 2, y: (CGFloat(height) - size.height) / 2)

    var pixels = [UInt8](repeating: 255, count: 4 * width * height)  // white behind what is transparent
    let drawn = pixels.withUnsafeMutableBytes { memory -> Bool in
      guard
        let canvas = CGContext(
          data: memory.baseAddress, width: width, height: height, bitsPerComponent: 8, bytesPerRow: 4 * width,
          space: colours, bitmapInfo: CGImageAlphaInfo.noneSkipLast.rawValue)
      else { return false }
      canvas.interpolationQuality = .high
      canvas.draw(picture, in: CGRect(origin: corner, size: size))
      return true
    }
    guard drawn else { throw TranslatorError("no memory for an image of \(width) x \(height) pixels") }

    let step = (input.high - input.low) / 255
    return (0..<input.size).map { k -> Float in
      let pixel = 4 * (k / channels)
      let level = channels == 3 ? Float(pixels[pixel + k % 3]) : luma(pixels[pixel..<pixel + 3].map(Float.init))
      return level * step + input.low
    }
  }

  private static func luma(_ levels: [Float]) -> Float {
    (0.299 * levels[0] + 0.587 * levels[1] + 0.114 * levels[2]).rounded()
  }

  /// Numbers of an output in its range as a picture, rounded to 8 bits.
  static func image(of floats: [Float], for output: Metadata.Entry) throws -> CGImage {
    let (height, width, channels) = output.image
    var pixels = [UInt8](repeating: 255, count: 4 * width * height)
    for pixel in 0..<width * height {
      for c in 0..<3 {
        let value = (floats[pixel * channels + c % channels] - output.low) / (output.high - output.low)
        pixels[4 * pixel + c] = UInt8(min(max((value * 255).rounded(), 0), 255))
      }
    }
    guard let provider = CGDataProvider(data: Data(pixels) as CFData),
      let image = CGImage(
        width: width, height: height, bitsPerComponent: 8, bitsPerPixel: 32, bytesPerRow: 4 * width, space: colours,
        bitmapInfo: CGBitmapInfo(rawValue: CGImageAlphaInfo.noneSkipLast.rawValue), provider: provider, decode: nil,
        shouldInterpolate: true, intent: .defaultIntent)
    else { throw TranslatorError("no memory for an image of \(width) x \(height) pixels") }
    return image
  }
}
