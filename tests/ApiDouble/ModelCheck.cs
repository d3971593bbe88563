using System.Collections;
using System.Collections.Concurrent;
using System.Reflection;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;

namespace NativeKubelet.Tests.ApiDouble;

/// <summary>Names the fields of a body that the published model does not have, as strict field validation does.</summary>
public static class ModelCheck
{
    private static readonly ConcurrentDictionary<Type, Dictionary<string, Type>> Known = new();

    public static IEnumerable<string> Unknown(JsonNode? node, Type model, string path = "")
    {
        if (node is JsonArray items)
        {
            if (ElementOf(model) is not { } element) yield break;
            for (int i = 0; i < items.Count; i++)
                foreach (string field in Unknown(items[i], element, $"{path}[{i}]")) yield return field;
            yield break;
        }
        // Scalars in disguise (quantities, times) and free maps have no fields of their own.
        if (node is not JsonObject o || model.Namespace != "k8s.Models" || model.IsValueType) yield break;
        Dictionary<string, Type> fields = Known.GetOrAdd(model, FieldsOf);
        foreach ((string key, JsonNode? value) in o)
        {
            string at = path.Length == 0 ? key : $"{path}.{key}";
            if (!fields.TryGetValue(key, out Type? type)) yield return at;
            else if (!typeof(IDictionary).IsAssignableFrom(type) && !(type.IsGenericType && type.GetGenericTypeDefinition() == typeof(IDictionary<,>)))
                foreach (string field in Unknown(value, type, at)) yield return field;
        }
    }

    private static Dictionary<string, Type> FieldsOf(Type model) => model.GetProperties(BindingFlags.Public | BindingFlags.Instance)
        .Select(p => (p.GetCustomAttribute<JsonPropertyNameAttribute>()?.Name, Type: Nullable.GetUnderlyingType(p.PropertyType) ?? p.PropertyType))
        .Where(p => p.Name is not null).ToDictionary(p => p.Name!, p => p.Type);

    private static Type? ElementOf(Type type) =>
        type.IsGenericType && type.GetGenericArguments() is [var element] && typeof(IEnumerable).IsAssignableFrom(type) ? element : null;
}
