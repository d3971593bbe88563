using System.Text;
using k8s.Models;

namespace NativeKubelet.Core.Pods;

/// <summary>
/// Tells whether a running container is still the one that its pod asks for. Only name and image count, as in v1.36:
/// no other field of a container can change under one pod UID, except resources, which are resized in place.
/// </summary>
public static class ContainerHash
{
    /// <returns>Eight hexadecimal digits; written into container records, so it never changes between releases.</returns>
    public static string Of(V1Container container)
    {
        uint hash = 2166136261;   // FNV-1a, 32 bit
        foreach (byte value in Encoding.UTF8.GetBytes(container.Name + "\0" + container.Image))
            hash = unchecked((hash ^ value) * 16777619);
        return hash.ToString("x8");
    }
}
