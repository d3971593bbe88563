using System.Text.Json.Nodes;

namespace NativeKubelet.Tests.Cluster.Kubectl;

/// <summary>What pods are given by the cluster's objects, and the ways into them.</summary>
public sealed class ContentTests(AnyCluster cluster) : IClassFixture<AnyCluster>
{
    [Fact]
    public async Task Config_and_secrets_reach_environment_and_files_and_changes_reach_the_files()
    {
        await cluster.MakeAsync("ConfigMap", "settings", "data: {color: red}");
        await cluster.MakeAsync("Secret", "token", "stringData: {word: xyzzy}");
        await cluster.RunAsync("reads", "echo $COLOR $WORD; until grep -q blue /settings/color; do sleep 0.1; done; cat /settings/color /token/word; sleep 1000",
        [
            "env: [{name: COLOR, valueFrom: {configMapKeyRef: {name: settings, key: color}}}, {name: WORD, valueFrom: {secretKeyRef: {name: token, key: word}}}]",
            "volumeMounts: [{name: settings, mountPath: /settings}, {name: token, mountPath: /token}]",
        ],
        ["volumes: [{name: settings, configMap: {name: settings}}, {name: token, secret: {secretName: token, defaultMode: 0400}}]"]);
        await cluster.ReadyAsync("reads");
        using System.Diagnostics.Process follow = cluster.Start("logs", "-f", "reads");
        Assert.Equal("red xyzzy", await follow.StandardOutput.ReadLineAsync(Node.TimeLimit.Token()));

        await cluster.KubectlAsync("patch", "configmap", "settings", "--type=merge", "-p", """{"data":{"color":"blue\n"}}""");

        // The original's kubelet looks at a pod's files every minute or so.
        Assert.Equal("blue", await follow.StandardOutput.ReadLineAsync(Node.TimeLimit.Token(150)));
        await cluster.KubectlAsync("delete", "pod", "reads", "--timeout=60s");
        Assert.Equal("xyzzy", await follow.StandardOutput.ReadToEndAsync(Node.TimeLimit.Token()));
    }

    [Fact]
    public async Task A_pod_is_told_of_itself()
    {
        await cluster.RunAsync("self", "echo $NAME $NODE $LIMIT; cat /self/labels; echo; sleep 1000",
        [
            "resources: {limits: {memory: 64Mi}}",
            "env: [{name: NAME, valueFrom: {fieldRef: {fieldPath: metadata.name}}}, {name: NODE, valueFrom: {fieldRef: {fieldPath: spec.nodeName}}}, {name: LIMIT, valueFrom: {resourceFieldRef: {resource: limits.memory}}}]",
            "volumeMounts: [{name: self, mountPath: /self}]",
        ],
        ["volumes: [{name: self, downwardAPI: {items: [{path: labels, fieldRef: {fieldPath: metadata.labels}}]}}]"]);
        await cluster.ReadyAsync("self");

        using System.Diagnostics.Process follow = cluster.Start("logs", "-f", "self");
        Assert.Equal($"self {cluster.Node} 67108864", await follow.StandardOutput.ReadLineAsync(Node.TimeLimit.Token()));
        Assert.Equal("app=\"self\"", await follow.StandardOutput.ReadLineAsync(Node.TimeLimit.Token()));
        await cluster.KubectlAsync("delete", "pod", "self", "--timeout=60s");
    }

    [Fact]
    public async Task A_service_accounts_token_is_bound_to_its_pod()
    {
        await cluster.MakeAsync("ServiceAccount", "robot");
        await cluster.RunAsync("robot", "cat /tokens/token; echo; sleep 1000", ["volumeMounts: [{name: tokens, mountPath: /tokens}]"],
        [
            "serviceAccountName: robot",
            "volumes: [{name: tokens, projected: {sources: [{serviceAccountToken: {path: token, expirationSeconds: 600}}]}}]",
        ]);
        await cluster.ReadyAsync("robot");

        string token = (await cluster.KubectlAsync("exec", "robot", "--", "cat", "/tokens/token")).Trim();
        string claims = token.Split('.')[1].Replace('-', '+').Replace('_', '/');
        JsonNode told = JsonNode.Parse(Convert.FromBase64String(claims.PadRight((claims.Length + 3) / 4 * 4, '=')))!;
        Assert.Equal($"system:serviceaccount:{cluster.Namespace}:robot", (string)told["sub"]!);
        Assert.Equal(await cluster.FieldAsync("pod/robot", "{.metadata.uid}"), (string)told["kubernetes.io"]!["pod"]!["uid"]!);
    }

    [Fact]
    public async Task A_command_runs_in_a_container_with_its_input_and_its_exit_code()
    {
        await cluster.RunAsync("shell", "sleep 1000");
        await cluster.ReadyAsync("shell");
        string words = string.Join('\n', Enumerable.Range(0, 200_000));

        Assert.Equal(words, await cluster.AskAsync(words, "exec", "-i", "shell", "--", "cat"));
        (int code, string output, string error) = await cluster.TryAsync("", "exec", "shell", "--", "sh", "-c", "echo out; echo err >&2; exit 7");
        Assert.Equal((7, "out\n"), (code, output));
        Assert.StartsWith("err\n", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_port_of_a_pod_is_forwarded()
    {
        await cluster.RunAsync("served", "echo hello from inside >/tmp/index.html; exec httpd -f -p 8080 -h /tmp", ["readinessProbe: {tcpSocket: {port: 8080}, periodSeconds: 1}"]);
        await cluster.ReadyAsync("served");
        using System.Diagnostics.Process forward = cluster.Start("port-forward", "--address=127.0.0.1", "pod/served", ":8080");
        try
        {
            string said = await forward.StandardOutput.ReadLineAsync(Node.TimeLimit.Token()) ?? await forward.StandardError.ReadToEndAsync(Node.TimeLimit.Token());
            Assert.StartsWith("Forwarding from 127.0.0.1:", said, StringComparison.Ordinal);
            using HttpClient client = new();
            Assert.Equal("hello from inside\n", await client.GetStringAsync(new Uri($"http://127.0.0.1:{said.Split(':')[1].Split(' ')[0]}/index.html"), Node.TimeLimit.Token()));
        }
        finally
        {
            forward.Kill();
        }
    }

    [Fact]
    public async Task The_nodes_own_figures_are_read_through_the_api_server()
    {
        await cluster.RunAsync("measured", "sleep 1000");
        await cluster.ReadyAsync("measured");

        for (CancellationToken deadline = Node.TimeLimit.Token(); ; await Task.Delay(200, deadline))
        {
            JsonNode summary = JsonNode.Parse(await cluster.KubectlAsync("get", "--raw", $"/api/v1/nodes/{cluster.Node}/proxy/stats/summary"))!;
            if (summary["pods"]!.AsArray().FirstOrDefault(p => (string)p!["podRef"]!["name"]! == "measured") is { } pod && pod["memory"]?["workingSetBytes"] is not null) break;
        }
        Assert.Contains("node_memory_working_set_bytes ", await cluster.KubectlAsync("get", "--raw", $"/api/v1/nodes/{cluster.Node}/proxy/metrics/resource"), StringComparison.Ordinal);
    }
}
