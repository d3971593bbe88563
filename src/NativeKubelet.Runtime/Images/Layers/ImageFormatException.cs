namespace NativeKubelet.Runtime.Images.Layers;

/// <summary>An image, layer or archive is not what it says, or more than we take. Nothing of it is kept.</summary>
public sealed class ImageFormatException(string message, Exception? inner = null) : Exception(message, inner);
