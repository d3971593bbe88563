using k8s.Models;

namespace NativeKubelet.Core.Objects;

/// <summary>
/// A ConfigMap, Secret, PersistentVolumeClaim or PersistentVolume, decoded and valid; nobody changes the model. A class, as a
/// record would write a Secret's content wherever it is printed.
/// </summary>
/// <param name="model">V1ConfigMap, V1Secret, V1PersistentVolumeClaim or V1PersistentVolume.</param>
/// <param name="content">Equal for equal content.</param>
/// <param name="origin">The file or URL that defines it, for people.</param>
public sealed class NodeObject(ObjectKey key, object model, string content, string origin)
{
    public ObjectKey Key { get; } = key;

    public object Model { get; } = model;

    public string Content { get; } = content;

    public string Origin { get; } = origin;

    /// <summary>Its owner promised that its content never changes.</summary>
    public bool Immutable => (Model as V1ConfigMap)?.Immutable == true || (Model as V1Secret)?.Immutable == true;
}
