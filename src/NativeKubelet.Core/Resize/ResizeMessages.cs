using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using k8s.Models;
using NativeKubelet.Core.Resources;

namespace NativeKubelet.Core.Resize;

/// <summary>What events say of a resize: a sentence, and the resources in question as JSON.</summary>
public static class ResizeMessages
{
    public static string Started(V1Pod pod, long generation) => Message("Pod resize started", pod, generation, "");

    public static string Completed(V1Pod pod, long generation) => Message("Pod resize completed", pod, generation, "");

    public static string Failed(V1Pod pod, ResizeProgress resize) => Message("Pod resize error", pod, resize.Generation, resize.Error);

    /// <param name="wanted">The pod as it asks to be.</param>
    public static string Waits(V1Pod wanted, ResizePending pending) => Message($"Pod resize {pending.Cause}", wanted, pending.Generation, pending.Message);

    private static string Message(string sentence, V1Pod pod, long generation, string error)
    {
        JsonObject told = [];
        if (pod.Spec.InitContainers is { Count: > 0 } init) told["initContainers"] = Containers(init);
        told["containers"] = Containers(pod.Spec.Containers);
        told["generation"] = generation;
        if (error.Length > 0) told["error"] = error;
        using MemoryStream text = new();
        using (Utf8JsonWriter writer = new(text, new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping })) told.WriteTo(writer);
        return $"{sentence}: {System.Text.Encoding.UTF8.GetString(text.ToArray())}";
    }

    private static JsonArray Containers(IEnumerable<V1Container> containers) =>
        [.. containers.Select(c => (JsonNode)new JsonObject { ["name"] = c.Name, ["resources"] = Resources(c.Resources) })];

    private static JsonObject Resources(V1ResourceRequirements? resources)
    {
        JsonObject told = [];
        foreach ((string name, IDictionary<string, ResourceQuantity>? amounts) in (ReadOnlySpan<(string, IDictionary<string, ResourceQuantity>?)>)[("limits", resources?.Limits), ("requests", resources?.Requests)])
            if (ResourceAmounts.From(amounts).ByName is { Count: > 0 } known)
                told[name] = new JsonObject(known.Select(a => KeyValuePair.Create(a.Key, (JsonNode?)a.Value.ToString())));
        return told;
    }
}
