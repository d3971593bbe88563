namespace NativeKubelet.Core.Containers;

/// <summary>The pod asks for something that cannot or must not be granted; the container waits as CreateContainerConfigError.</summary>
public sealed class ContainerConfigException(string message) : Exception(message);
