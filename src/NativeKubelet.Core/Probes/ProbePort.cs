using System.Globalization;
using k8s.Models;

namespace NativeKubelet.Core.Probes;

/// <summary>A probe's or hook's port: a number, or the name of one of the same container's ports.</summary>
public static class ProbePort
{
    /// <exception cref="FormatException">No such port.</exception>
    public static int Resolve(IntOrString? port, V1Container container)
    {
        string text = port?.Value ?? "";
        int number = container.Ports?.FirstOrDefault(p => p.Name == text) is { } named ? named.ContainerPort
            : int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int given) ? given
            : throw new FormatException($"container {container.Name} has no port named \"{text}\"");
        return number is >= 1 and <= 65535 ? number : throw new FormatException($"invalid port number: {number}");
    }
}
