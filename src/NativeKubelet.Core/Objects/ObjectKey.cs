namespace NativeKubelet.Core.Objects;

public enum ObjectKind { ConfigMap, Secret, PersistentVolumeClaim, PersistentVolume }

/// <summary>Names an object that pods refer to.</summary>
/// <param name="Namespace">Empty for a PersistentVolume, which has none.</param>
public readonly record struct ObjectKey(ObjectKind Kind, string Namespace, string Name)
{
    public static ObjectKey ConfigMap(string @namespace, string name) => new(ObjectKind.ConfigMap, @namespace, name);

    public static ObjectKey Secret(string @namespace, string name) => new(ObjectKind.Secret, @namespace, name);

    public static ObjectKey Claim(string @namespace, string name) => new(ObjectKind.PersistentVolumeClaim, @namespace, name);

    public static ObjectKey Volume(string name) => new(ObjectKind.PersistentVolume, "", name);

    /// <summary>As an API server names what it does not have: <c>configmap "web"</c>.</summary>
    public string Word => $"{Kind.ToString().ToLowerInvariant()} \"{Name}\"";

    public override string ToString() => Namespace.Length == 0 ? $"{Kind} {Name}" : $"{Kind} {Namespace}/{Name}";
}
