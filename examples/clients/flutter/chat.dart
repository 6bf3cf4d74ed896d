// Dart with package:http, as an app of Flutter has it: a base URL, and a publishable key, which gives nothing away.
// flutter run --dart-define=FAREBOX_BASE_URL=http://127.0.0.1:8503/v1 --dart-define=FAREBOX_KEY=pk-…
import 'dart:convert';

import 'package:http/http.dart' as http;

const baseUrl = String.fromEnvironment('FAREBOX_BASE_URL');
const key = String.fromEnvironment('FAREBOX_KEY');

class Refused implements Exception {
  Refused(this.status, this.code);
  final int status;
  final String? code;
}

Future<http.StreamedResponse> send(http.Client client, {required bool stream}) async {
  final request = http.Request('POST', Uri.parse('$baseUrl/chat/completions'));
  request.headers['Authorization'] = 'Bearer $key';
  request.headers['Content-Type'] = 'application/json';
  request.body = jsonEncode({
    'messages': [
      {'role': 'user', 'content': 'Name three colors.'},
    ],
    'stream': stream,
  });
  final response = await client.send(request);
  if (response.statusCode == 200) return response;
  final answer = jsonDecode(await response.stream.bytesToString()) as Map<String, dynamic>;
  throw Refused(response.statusCode, answer['error']['code'] as String?);
}

// In one piece
Future<String> inOnePiece(http.Client client) async {
  final response = await send(client, stream: false);
  final answer = jsonDecode(await response.stream.bytesToString());
  return answer['choices'][0]['message']['content'] as String;
}

// In pieces
Stream<String> inPieces(http.Client client) async* {
  final response = await send(client, stream: true);
  final lines = response.stream.transform(utf8.decoder).transform(const LineSplitter());
  await for (final line in lines) {
    if (!line.startsWith('data: ') || line == 'data: [DONE]') continue;
    final event = jsonDecode(line.substring(6)) as Map<String, dynamic>;
    if (event['error'] != null) throw Exception('The answer broke off');
    final choices = event['choices'] as List<dynamic>;
    if (choices.isNotEmpty) yield (choices[0]['delta']['content'] ?? '') as String;
  }
}
